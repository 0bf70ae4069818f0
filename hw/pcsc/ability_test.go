package pcsc

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestExtendedByATR(t *testing.T) {
	for _, c := range []struct {
		name, atr       string
		extended, known bool
	}{
		{"capabilities with extended lengths", "3B8980010073C00140000000000000", true, true},
		{"capabilities without", "3B898001" + "8073C0010000000000" + "00", false, true},
		{"capabilities of one byte", "3B838001" + "8071C0" + "00", false, false},
		{"no historical bytes", "3B80800101", false, false},
		{"proprietary historical bytes", "3B888001C1524BC21102908000", false, false},
		{"cut short", "3B89", false, false},
		{"empty", "", false, false},
	} {
		atr, err := hex.DecodeString(c.atr)
		if err != nil {
			t.Fatal(err)
		}
		if e, k := extendedByATR(atr); e != c.extended || k != c.known {
			t.Errorf("%s: %v %v", c.name, e, k)
		}
	}
}

func TestProperty(t *testing.T) {
	b := []byte{0x01, 0x01, 0xFF, 0x0A, 0x04, 0x00, 0x01, 0x00, 0x00, 0x0B, 0x02, 0x2F, 0x07}
	for tag, want := range map[byte]uint32{propertyMaxAPDUData: 256, propertyVendor: 0x072F, propertyProduct: 0, 0x01: 0xFF} {
		if n := number(b, tag); n != want {
			t.Errorf("property %02X: %X, want %X", tag, n, want)
		}
	}
	if _, ok := property(b[:12], propertyVendor); ok {
		t.Error("cut short")
	}
}

func FuzzATR(f *testing.F) {
	f.Add([]byte{0x3B, 0x89, 0x80, 0x01, 0x80, 0x73, 0xC0, 0x01, 0x40})
	f.Add([]byte{0x3B, 0xFF, 0x80})
	f.Fuzz(func(t *testing.T, atr []byte) {
		extendedByATR(atr)
		if h := historical(atr); len(h) > 15 || !bytes.Contains(atr, h) {
			t.Fatal("historical bytes are not of the ATR")
		}
	})
}
