// Package tlv reads and writes BER-TLV data objects of definite length as chip
// documents use them (ISO/IEC 7816-4 §5.2.2, ISO/IEC 8825-1 §8.1). Input comes
// from cards: nothing panics, nothing is allocated for a claimed length.
package tlv

import (
	"errors"
	"fmt"
)

// ErrShort means that the input ends before the object does.
var ErrShort = errors.New("data object is cut short")

// Object is one data object. Value and Raw alias the input.
type Object struct {
	Tag   uint32 // all tag bytes, big-endian: 0x61, 0x5F1F, 0x7F61
	Value []byte
	Raw   []byte // header and value
}

// Constructed says whether the value is itself a list of data objects
// (bit 6 of the first tag byte).
func (o Object) Constructed() bool {
	t := o.Tag
	for t > 0xFF {
		t >>= 8
	}
	return t&0x20 != 0
}

// Header decodes tag and length at the start of b. size is the number of bytes
// that they take, length the number of value bytes that follow, which b need
// not hold. Tags of more than three bytes, lengths of more than four bytes and
// the indefinite form are errors.
func Header(b []byte) (tag uint32, length, size int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, ErrShort
	}
	tag, size = uint32(b[0]), 1
	if b[0]&0x1F == 0x1F {
		for {
			if size == len(b) {
				return 0, 0, 0, ErrShort
			}
			if size == 3 {
				return 0, 0, 0, errors.New("tag of more than three bytes")
			}
			next := b[size]
			tag = tag<<8 | uint32(next)
			size++
			if next&0x80 == 0 {
				break
			}
		}
	}
	if size == len(b) {
		return 0, 0, 0, ErrShort
	}
	first := b[size]
	size++
	if first < 0x80 {
		return tag, int(first), size, nil
	}
	n := int(first & 0x7F)
	if n == 0 || n > 4 {
		return 0, 0, 0, fmt.Errorf("length form %02X is not supported", first)
	}
	if size+n > len(b) {
		return 0, 0, 0, ErrShort
	}
	for _, x := range b[size : size+n] {
		length = length<<8 | int(x)
	}
	if length < 0 || length > 1<<31-1 {
		return 0, 0, 0, errors.New("length is out of range")
	}
	return tag, length, size + n, nil
}

// Next decodes the first data object of b and returns what follows it.
func Next(b []byte) (o Object, rest []byte, err error) {
	tag, length, size, err := Header(b)
	if err != nil {
		return Object{}, nil, err
	}
	if length > len(b)-size {
		return Object{}, nil, ErrShort
	}
	end := size + length
	return Object{Tag: tag, Value: b[size:end:end], Raw: b[:end:end]}, b[end:], nil
}

// List decodes all data objects of b.
func List(b []byte) ([]Object, error) {
	var list []Object
	for len(b) > 0 {
		o, rest, err := Next(b)
		if err != nil {
			return nil, err
		}
		list, b = append(list, o), rest
	}
	return list, nil
}

// Find returns the value of the first data object of b with the tag.
func Find(b []byte, tag uint32) ([]byte, error) {
	for len(b) > 0 {
		o, rest, err := Next(b)
		if err != nil {
			return nil, err
		}
		if o.Tag == tag {
			return o.Value, nil
		}
		b = rest
	}
	return nil, fmt.Errorf("data object %X is missing", tag)
}

// Append writes a data object with the shortest length form.
func Append(dst []byte, tag uint32, value []byte) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if x := tag >> shift; x != 0 || shift == 0 {
			dst = append(dst, byte(x))
		}
	}
	switch n := len(value); {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n <= 0xFF:
		dst = append(dst, 0x81, byte(n))
	case n <= 0xFFFF:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, value...)
}
