package der

import "errors"

const (
	maxDepth = 32

	constructedOctets = OctetString | 0x20
)

var errBER = errors.New("encoding is not BER")

// FromBER rewrites one value from the basic encoding rules (X.690 §8) with
// definite lengths in their shortest form and octet strings in one piece, as
// the writers of signed messages that stream them need. What is already so
// encoded comes out unchanged, signed parts included; sets are not sorted.
func FromBER(b []byte) ([]byte, error) {
	out, rest, err := fromBER(b, 0)
	if err == nil && len(rest) > 0 {
		err = errBER
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func fromBER(b []byte, depth int) (out, rest []byte, err error) {
	if depth > maxDepth || len(b) < 2 || b[0]&0x1F == 0x1F {
		return nil, nil, errBER
	}
	tag, value, rest, indefinite, err := berHeader(b)
	if err != nil {
		return nil, nil, err
	}
	if tag&0x20 == 0 {
		if indefinite {
			return nil, nil, errBER
		}
		return appendValue(nil, tag, value), rest, nil
	}
	var content []byte
	for {
		if indefinite && len(value) >= 2 && value[0] == 0 && value[1] == 0 {
			rest = value[2:]
			break
		}
		if len(value) == 0 {
			if indefinite {
				return nil, nil, errBER
			}
			break
		}
		var child []byte
		if child, value, err = fromBER(value, depth+1); err != nil {
			return nil, nil, err
		}
		if tag == constructedOctets {
			got, part, _, err := split(child)
			if err != nil || got != OctetString {
				return nil, nil, errBER
			}
			child = part
		}
		content = append(content, child...)
	}
	if tag == constructedOctets {
		tag = OctetString
	}
	return appendValue(nil, tag, content), rest, nil
}

// berHeader splits the first element off. The value of one of indefinite length
// is everything that follows.
func berHeader(b []byte) (tag byte, value, rest []byte, indefinite bool, err error) {
	length, size := int(b[1]), 2
	if length == 0x80 {
		return b[0], b[2:], nil, true, nil
	}
	if length > 0x80 {
		n := length & 0x7F
		if n > 4 || len(b) < 2+n {
			return 0, nil, nil, false, errBER
		}
		length, size = 0, 2+n
		for _, x := range b[2:size] {
			length = length<<8 | int(x)
		}
	}
	if length > len(b)-size {
		return 0, nil, nil, false, errShort
	}
	return b[0], b[size : size+length], b[size+length:], false, nil
}

func appendValue(dst []byte, tag byte, value []byte) []byte {
	dst = append(dst, tag)
	n := len(value)
	switch {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n <= 0xFF:
		dst = append(dst, 0x81, byte(n))
	case n <= 0xFFFF:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	case n <= 0xFFFFFF:
		dst = append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, value...)
}
