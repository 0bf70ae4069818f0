// Package ber writes and walks the BER-TLV objects of emulated chip cards
// (ISO/IEC 8825-1, tags as in ISO/IEC 7816-4 §5.2). It serves the card side
// only: the inspection system has its own parser, so that one mistake cannot
// hide in both.
package ber

import "errors"

// ErrMalformed says that bytes from outside are not BER-TLV.
var ErrMalformed = errors.New("malformed TLV")

// TLV encodes one object: the tag's bytes as written in the standards (0x5F2E
// is two bytes), the shortest length, and the parts one after another.
func TLV(tag uint32, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]byte, 0, n+8)
	for shift := 24; shift >= 0; shift -= 8 {
		if b := byte(tag >> shift); b != 0 || len(out) > 0 || shift == 0 {
			out = append(out, b)
		}
	}
	out = appendLength(out, n)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func appendLength(out []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(out, byte(n))
	case n < 0x100:
		return append(out, 0x81, byte(n))
	case n < 0x10000:
		return append(out, 0x82, byte(n>>8), byte(n))
	default:
		return append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
}

// Next splits the first object off data: its tag (at most three bytes), its
// value and what follows. The slices share data's memory.
func Next(data []byte) (tag uint32, value, rest []byte, err error) {
	tag, data, err = nextTag(data)
	if err != nil {
		return 0, nil, nil, err
	}
	if len(data) == 0 {
		return 0, nil, nil, ErrMalformed
	}
	n, data := int(data[0]), data[1:]
	if n > 0x80 {
		k := n - 0x80
		if k > 3 || len(data) < k {
			return 0, nil, nil, ErrMalformed
		}
		n = 0
		for _, b := range data[:k] {
			n = n<<8 | int(b)
		}
		data = data[k:]
	} else if n == 0x80 { // indefinite length never occurs on a card
		return 0, nil, nil, ErrMalformed
	}
	if n > len(data) {
		return 0, nil, nil, ErrMalformed
	}
	return tag, data[:n], data[n:], nil
}

func nextTag(data []byte) (tag uint32, rest []byte, err error) {
	if len(data) == 0 {
		return 0, nil, ErrMalformed
	}
	tag = uint32(data[0])
	if tag&0x1F != 0x1F {
		return tag, data[1:], nil
	}
	for i := 1; i < 3 && i < len(data); i++ {
		tag = tag<<8 | uint32(data[i])
		if data[i]&0x80 == 0 {
			return tag, data[i+1:], nil
		}
	}
	return 0, nil, ErrMalformed
}
