package der

import (
	"bytes"
	"testing"
)

func TestFromBER(t *testing.T) {
	long := append([]byte{0x04, 0x81, 0x80}, make([]byte, 128)...)
	for name, c := range map[string]struct{ in, want []byte }{
		"already DER":          {[]byte{0x30, 3, 0x02, 1, 7}, []byte{0x30, 3, 0x02, 1, 7}},
		"indefinite":           {[]byte{0x30, 0x80, 0x02, 1, 7, 0, 0}, []byte{0x30, 3, 0x02, 1, 7}},
		"nested":               {[]byte{0xA0, 0x80, 0x30, 0x80, 0x05, 0, 0, 0, 0, 0}, []byte{0xA0, 4, 0x30, 2, 0x05, 0}},
		"octets in pieces":     {[]byte{0x24, 0x80, 0x04, 1, 'a', 0x24, 0x80, 0x04, 2, 'b', 'c', 0, 0, 0, 0}, []byte{0x04, 3, 'a', 'b', 'c'}},
		"octets, definite":     {[]byte{0x24, 6, 0x04, 1, 'a', 0x04, 1, 'b'}, []byte{0x04, 2, 'a', 'b'}},
		"long form":            {[]byte{0x02, 0x82, 0, 1, 7}, []byte{0x02, 1, 7}},
		"128 bytes":            {long, long},
		"empty":                {[]byte{0x30, 0x80, 0, 0}, []byte{0x30, 0}},
		"nothing":              {nil, nil},
		"no end":               {[]byte{0x30, 0x80, 0x02, 1, 7}, nil},
		"half an end":          {[]byte{0x30, 0x80, 0}, nil},
		"primitive indefinite": {[]byte{0x04, 0x80, 0, 0}, nil},
		"pieces of another":    {[]byte{0x24, 3, 0x02, 1, 7}, nil},
		"rest":                 {[]byte{0x05, 0, 0}, nil},
		"huge":                 {[]byte{0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, nil},
		"too deep":             {bytes.Repeat([]byte{0x30, 0x80}, 40), nil},
	} {
		got, err := FromBER(c.in)
		if (err != nil) != (c.want == nil) || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x %v", name, got, err)
		}
	}
}

// FuzzFromBER: no panic, and what comes out stays as it is.
func FuzzFromBER(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0x24, 0x80, 0x04, 1, 'a', 0, 0, 0, 0})
	f.Add([]byte{0x30, 0x82, 0, 3, 0x02, 1, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := FromBER(b)
		if err != nil {
			return
		}
		again, err := FromBER(out)
		if err != nil || !bytes.Equal(again, out) || len(out) > 2*len(b)+8 {
			t.Fatalf("%x becomes %x, then %x: %v", b, out, again, err)
		}
	})
}
