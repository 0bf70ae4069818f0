package tlv_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/enrold/enrold/reader/tlv"
)

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		in           string
		tag          uint32
		length, size int
		short, bad   bool
	}{
		{in: "60145F01", tag: 0x60, length: 20, size: 2},
		{in: "5F1F58", tag: 0x5F1F, length: 88, size: 3},
		{in: "7582A0B1", tag: 0x75, length: 0xA0B1, size: 4},
		{in: "6181FF", tag: 0x61, length: 255, size: 3},
		{in: "7783010000", tag: 0x77, length: 65536, size: 5},
		{in: "", short: true},
		{in: "5F", short: true},
		{in: "61", short: true},
		{in: "6182FF", short: true},
		{in: "3080", bad: true},
		{in: "30850000000000", bad: true},
		{in: "1F8181810100", bad: true},
		{in: "3084FFFFFFFF", bad: true},
	} {
		b, err := hex.DecodeString(c.in)
		if err != nil {
			t.Fatal(err)
		}
		tag, length, size, err := tlv.Header(b)
		switch {
		case c.short && !errors.Is(err, tlv.ErrShort), c.bad && (err == nil || errors.Is(err, tlv.ErrShort)):
			t.Errorf("%s: error %v", c.in, err)
		case !c.short && !c.bad && (err != nil || tag != c.tag || length != c.length || size != c.size):
			t.Errorf("%s: got %X %d %d %v", c.in, tag, length, size, err)
		}
	}
}

func TestConstructed(t *testing.T) {
	for tag, want := range map[uint32]bool{0x61: true, 0x5F1F: false, 0x7F61: true, 0x04: false, 0x30: true} {
		if got := (tlv.Object{Tag: tag}).Constructed(); got != want {
			t.Errorf("%X: %v", tag, got)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, s := range []string{"60145F0104", "7F6181030201015F2E00", "30820100", "3080", "1F818181"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := tlv.List(b)
		if err != nil {
			return
		}
		var again, raw []byte
		for _, o := range list {
			again = tlv.Append(again, o.Tag, o.Value)
			raw = append(raw, o.Raw...)
		}
		if !bytes.Equal(raw, b) {
			t.Fatal("the objects do not cover the input")
		}
		back, err := tlv.List(again)
		if err != nil || len(back) != len(list) {
			t.Fatalf("written objects do not read back: %v", err)
		}
		for i := range back {
			if back[i].Tag != list[i].Tag || !bytes.Equal(back[i].Value, list[i].Value) {
				t.Fatalf("object %d changed", i)
			}
		}
	})
}
