package zfm

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
)

// wire is a line whose far end is bytes in, bytes out, at a fixed speed.
type wire struct {
	in   io.Reader
	out  bytes.Buffer
	baud int
}

func (w *wire) Read(b []byte) (int, error)  { return w.in.Read(b) }
func (w *wire) Write(b []byte) (int, error) { return w.out.Write(b) }
func (w *wire) Baud() (int, error)          { return w.baud, nil }

func exchange(t *testing.T, d *Device, baud int, hexIn string) string {
	t.Helper()
	in, err := hex.DecodeString(strings.ReplaceAll(hexIn, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{in: bytes.NewReader(in), baud: baud}
	if err := d.Serve(w); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(w.out.Bytes())
}

const head = "ef01ffffffff"

// Packets as the R503 manual 1.2.2 prints them.
func TestManualExchanges(t *testing.T) {
	model, err := ModelNamed("r503")
	if err != nil {
		t.Fatal(err)
	}
	d := New(model, false)
	for _, c := range []struct{ name, in, want string }{
		{"VfyPwd", head + "01 0007 13 00000000 001b", head + "070003" + "00" + "000a"},
		{"VfyPwd, wrong", head + "01 0007 13 00000001 001c", head + "070003" + "13" + "001d"},
		{"GenImg, no finger", head + "01 0003 01 0005", head + "070003" + "02" + "000c"},
		{"UpImage before any image", head + "01 0003 0a 000e", head + "070003" + "15" + "001f"},
		{"wrong sum", head + "01 0003 01 0006", head + "070003" + "01" + "000b"},
		{"unknown instruction", head + "01 0003 7f 0083", head + "070003" + "19" + "0023"},
		{"other address", "ef0100000001" + "01 0003 01 0005", ""},
		{"cut, then whole", head + "0100" + head + "01 0003 01 0005" + head + "01 0003 01 0005", head + "070003" + "02" + "000c"},
	} {
		if got := exchange(t, d, factoryBaud, c.in); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// A module hears nothing at another speed, and changes its own only after the
// acknowledgement.
func TestSpeed(t *testing.T) {
	model, err := ModelNamed("r503")
	if err != nil {
		t.Fatal(err)
	}
	d := New(model, false)
	const look, acked = head + "01 0003 01 0005", head + "070003" + "02" + "000c"
	if got := exchange(t, d, 115200, look); got != "" {
		t.Errorf("at a foreign speed it answered %s", got)
	}
	if got := exchange(t, d, 57600, head+"01 0005 0e 04 0c 0024"); got != head+"07000300000a" {
		t.Errorf("SetSysPara: %s", got)
	}
	if d.Baud() != 115200 {
		t.Errorf("speed is %d", d.Baud())
	}
	if got := exchange(t, d, 57600, look); got != "" {
		t.Errorf("at the old speed it answered %s", got)
	}
	if got := exchange(t, d, 115200, look); got != acked {
		t.Errorf("at the new speed: %s", got)
	}
}

func TestImagePacking(t *testing.T) {
	d := New(Model{Name: "tiny", Width: 4, Height: 1}, false)
	if err := d.Place([]byte{0x10, 0x2f, 0xf0, 0xff}); err != nil {
		t.Fatal(err)
	}
	if err := d.Place([]byte{1}); err == nil {
		t.Error("a finger of one pixel was placed")
	}
	got := exchange(t, d, factoryBaud, head+"01 0003 01 0005"+head+"01 0003 0a 000e")
	want := head + "07000300000a" + head + "07000300000a" + head + "080004" + "12ff" + "011d"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever a driver sends, the module neither panics nor stops hearing.
func FuzzServe(f *testing.F) {
	f.Add([]byte{0xef, 0x01, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 3, 0x0a, 0, 0x0e})
	f.Add([]byte{0xef, 0x01, 0xff, 0xff, 0xff, 0xff, 0x01, 0xff, 0xff})
	model, err := ModelNamed("r503")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d := New(model, false)
		if err := d.Serve(&wire{in: bytes.NewReader(in), baud: factoryBaud}); err != nil {
			t.Fatal(err)
		}
		look, err := hex.DecodeString(head + "0100030100" + "05")
		if err != nil {
			t.Fatal(err)
		}
		w := &wire{in: bytes.NewReader(bytes.Repeat(look, 9)), baud: d.Baud()}
		if err := d.Serve(w); err != nil || w.out.Len() == 0 {
			t.Fatalf("deaf afterwards: %v", err)
		}
	})
}
