package ber

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestTLV(t *testing.T) {
	for _, c := range []struct {
		tag    uint32
		length int
		header string
	}{
		{0x61, 0, "6100"},
		{0x5F2E, 0x7F, "5f2e7f"},
		{0x7F61, 0x80, "7f618180"},
		{0x53, 0x100, "53820100"},
		{0x75, 0x10000, "7583010000"},
	} {
		value := make([]byte, c.length)
		out := TLV(c.tag, value[:c.length/2], value[c.length/2:])
		if got := hex.EncodeToString(out[:len(out)-c.length]); got != c.header {
			t.Errorf("header of tag %X, length %d: %s, want %s", c.tag, c.length, got, c.header)
		}
		tag, got, rest, err := Next(append(out, 0xAA))
		if err != nil || tag != c.tag || !bytes.Equal(got, value) || !bytes.Equal(rest, []byte{0xAA}) {
			t.Errorf("tag %X, length %d does not come back: %v", c.tag, c.length, err)
		}
	}
}

func TestNextRefuses(t *testing.T) {
	for _, s := range []string{"", "61", "6102aa", "6180aa0000", "618401000000", "6182", "5f", "5fffff01"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := Next(b); err == nil {
			t.Errorf("%q is taken for TLV", s)
		}
	}
}

// FuzzNext: what Next splits off and encodes again in the shortest form has the
// same value, and nothing of the input is lost.
func FuzzNext(f *testing.F) {
	for _, s := range []string{"6100", "5f1f0141", "7f618180", "5381ff", "870901020304050607080999029000"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tag, value, rest, err := Next(data)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(data, append(bytes.Clone(value), rest...)) {
			t.Fatal("value and rest are not the end of the input")
		}
		if tag>>8 == 0 || tag>>8&0x1F == 0x1F || tag>>16&0x1F == 0x1F {
			again, same, left, err := Next(TLV(tag, value))
			if err != nil || again != tag || !bytes.Equal(same, value) || len(left) > 0 {
				t.Fatalf("tag %X does not come back: %v", tag, err)
			}
		}
	})
}
