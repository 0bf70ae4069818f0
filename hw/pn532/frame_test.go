package pn532

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Frames as the manual prints them: GetFirmwareVersion and its answer, ACK,
// NACK, the error frame.
func TestFrames(t *testing.T) {
	if got := encode([]byte{0xD4, 0x02}); !bytes.Equal(got, unhex(t, "0000FF02FED4022A00")) {
		t.Errorf("%X", got)
	}
	for _, c := range []struct {
		name, in string
		kind     kind
		data     string
		rest     string
	}{
		{"answer", "0000FF06FAD50332010607E800", kindData, "D50332010607", "00"},
		{"ack", "0000FF00FF00", kindACK, "", "00"},
		{"nack", "0000FFFF0000", kindNACK, "", "00"},
		{"error", "0000FF01FF7F8100", kindData, "7F", "00"},
		{"noise before", "55FF0001FE0000FF02FED4022A00", kindData, "D402", "00"},
		{"two frames", "0000FF00FF000000FF01FF7F8100", kindACK, "", "000000FF01FF7F8100"},
		{"wrong data checksum", "0000FF02FED4022B00", kindDamaged, "D402", "00"},
		{"wrong length checksum, then a frame", "0000FF02FFD4022A000000FF00FF00", kindACK, "", "00"},
	} {
		b := unhex(t, c.in)
		f, used, err := parse(b)
		if err != nil || f.kind != c.kind || !bytes.Equal(f.data, unhex(t, c.data)) || !bytes.Equal(b[used:], unhex(t, c.rest)) {
			t.Errorf("%s: %+v, rest %X, %v", c.name, f, b[used:], err)
		}
	}
	for _, n := range []int{1, 254, 255, 256, maxData} {
		data := bytes.Repeat([]byte{0xD5}, n)
		b := encode(data)
		if f, used, err := parse(b); err != nil || f.kind != kindData || !bytes.Equal(f.data, data) || used != len(b)-1 {
			t.Errorf("%d bytes: %v", n, err)
		}
		for cut := range len(b) - 1 {
			if _, _, err := parse(b[:cut]); !errors.Is(err, errShort) {
				t.Fatalf("%d bytes cut to %d: %v", n, cut, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0000FF06FAD50332010607E800", "0000FF00FF00", "00FFFFFF0109F6", "FFFFFF0000FF0000", "0000FFFFFF0100FFD541"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			frame, used, err := parse(b)
			if used > len(b) || len(frame.data) > maxData {
				t.Fatalf("used %d of %d, %d data", used, len(b), len(frame.data))
			}
			if err != nil {
				return
			}
			if used == 0 {
				t.Fatal("no progress")
			}
			b = b[used:]
		}
	})
}
