package native

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/match/finger"
)

func extracted(t testing.TB) *finger.Template {
	t.Helper()
	tpl, _, err := finger.Extract(finger.Image(*ridge.Grow(9900).Impression(0, ridge.WindowZFM)))
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestReadBack(t *testing.T) {
	full := extracted(t)
	bare := *full
	bare.Ridges = nil
	for name, tpl := range map[string]*finger.Template{
		"extracted": full, "without ridges": &bare, "empty": {Width: 300, Height: 200},
		"edges": {Width: 65535, Minutiae: []finger.Minutia{{X: -32768, Y: 32767, Angle: 255, Kind: 2, Quality: 100}}},
	} {
		data, err := Write(tpl)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := Read(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(back, tpl) {
			t.Errorf("%s: read back otherwise", name)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, tpl := range map[string]*finger.Template{
		"wide":  {Width: 65536},
		"far":   {Minutiae: []finger.Minutia{{X: 32768}}},
		"many":  {Minutiae: make([]finger.Minutia, 256)},
		"tiles": {Ridges: &finger.Ridges{Columns: 2, Rows: 2}},
	} {
		if _, err := Write(tpl); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	data, err := Write(extracted(t))
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := Read(data[:n]); !errors.Is(err, ErrFormat) {
			t.Fatalf("%d of %d bytes: %v, want ErrFormat", n, len(data), err)
		}
	}
	for n := 0; n < len(data); n += 97 {
		bad := bytes.Clone(data)
		bad[n] ^= 4
		if _, err := Read(bad); !errors.Is(err, ErrFormat) {
			t.Fatalf("byte %d changed: %v, want ErrFormat", n, err)
		}
	}
}

// FuzzRead corrects the checksum, so that what lies behind it is reached.
func FuzzRead(f *testing.F) {
	small, err := Write(&finger.Template{
		Width: 300, Height: 300, Minutiae: []finger.Minutia{{X: 1, Y: 2, Angle: 3, Kind: 1, Quality: 5}},
		Ridges: &finger.Ridges{Columns: 3, Rows: 1, Tiles: []uint64{1, 2, 3}, Finger: []bool{true, false, true}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 4 {
			data = bytes.Clone(data)
			end := data[len(data)-4:]
			binary.BigEndian.PutUint32(end, crc32.Checksum(data[:len(data)-4], table))
		}
		tpl, err := Read(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		again, err := Write(tpl)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := Read(again)
		if err != nil || !reflect.DeepEqual(back, tpl) {
			t.Fatalf("written and read otherwise: %v", err)
		}
		finger.Compare(tpl, tpl)
	})
}
