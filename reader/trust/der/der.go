// Package der reads the distinguished encoding rules (ITU-T X.690 §10) of
// certificates and signed messages: strictly, so that one value has one
// encoding, and without panics or allocations for claimed lengths.
package der

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Tags of universal types and of context-specific ones (constructed).
const (
	Boolean         = 0x01
	Integer         = 0x02
	BitString       = 0x03
	OctetString     = 0x04
	Null            = 0x05
	ObjectID        = 0x06
	Enumerated      = 0x0A
	UTF8String      = 0x0C
	PrintableString = 0x13
	T61String       = 0x14
	IA5String       = 0x16
	UTCTime         = 0x17
	GeneralizedTime = 0x18
	VisibleString   = 0x1A
	BMPString       = 0x1E
	Sequence        = 0x30
	Set             = 0x31
)

// Context is the tag of [n], constructed; n up to 30.
func Context(n int) byte { return 0xA0 | byte(n) }

// Primitive is the tag of [n] IMPLICIT of a primitive type.
func Primitive(n int) byte { return 0x80 | byte(n) }

// Reader walks the elements of one value. The first error sticks: every later
// call gives zero values, so that a caller may read a whole structure and ask
// once, with Err or Done.
type Reader struct {
	b   []byte
	err *error
}

// New reads the elements of b, which it aliases.
func New(b []byte) *Reader { return &Reader{b: b, err: new(error)} }

// Err is the first error of this reader and of those that it opened.
func (r *Reader) Err() error { return *r.err }

// Fail sets the error unless there is one.
func (r *Reader) Fail(format string, args ...any) {
	if *r.err == nil {
		*r.err = fmt.Errorf(format, args...)
	}
	r.b = nil
}

// Empty says whether nothing follows.
func (r *Reader) Empty() bool { return len(r.b) == 0 || *r.err != nil }

// Done returns the first error; bytes that were not read are one.
func (r *Reader) Done() error {
	if len(r.b) > 0 {
		r.Fail("unexpected data")
	}
	return *r.err
}

// Peek says whether the next element has the tag.
func (r *Reader) Peek(tag byte) bool { return !r.Empty() && r.b[0] == tag }

// next splits the first element off.
func (r *Reader) next() (tag byte, value, raw []byte) {
	if r.Empty() {
		r.Fail("data end too early")
		return 0, nil, nil
	}
	tag, value, raw, err := split(r.b)
	if err != nil {
		r.Fail("%w", err)
		return 0, nil, nil
	}
	r.b = r.b[len(raw):]
	return tag, value, raw
}

var (
	errShort  = errors.New("data end too early")
	errLength = errors.New("length is not in its shortest form")
)

// split decodes the header at the start of b, which is not empty.
func split(b []byte) (tag byte, value, raw []byte, err error) {
	if b[0]&0x1F == 0x1F {
		return 0, nil, nil, errors.New("tag of several bytes")
	}
	if len(b) < 2 {
		return 0, nil, nil, errShort
	}
	length, size := int(b[1]), 2
	if length >= 0x80 {
		n := length & 0x7F
		if n == 0 || n > 4 {
			return 0, nil, nil, fmt.Errorf("length form %02X is not allowed", b[1])
		}
		if len(b) < 2+n {
			return 0, nil, nil, errShort
		}
		length, size = 0, 2+n
		for _, x := range b[2:size] {
			length = length<<8 | int(x)
		}
		if b[2] == 0 || length < 0x80 {
			return 0, nil, nil, errLength
		}
	}
	if length > len(b)-size {
		return 0, nil, nil, errShort
	}
	end := size + length
	return b[0], b[size:end:end], b[:end:end], nil
}

// Value returns the content of the next element, which must have the tag.
func (r *Reader) Value(tag byte) []byte {
	got, value, _ := r.next()
	if got != tag {
		r.Fail("element %02X in place of %02X", got, tag)
		return nil
	}
	return value
}

// Raw returns the next element with its header, which must have the tag.
func (r *Reader) Raw(tag byte) []byte {
	got, _, raw := r.next()
	if got != tag {
		r.Fail("element %02X in place of %02X", got, tag)
		return nil
	}
	return raw
}

// Any returns tag, content and whole of the next element.
func (r *Reader) Any() (tag byte, value, raw []byte) { return r.next() }

// Open returns a reader of the next element's content; it shares the error.
func (r *Reader) Open(tag byte) *Reader { return &Reader{b: r.Value(tag), err: r.err} }

// Of returns a reader of b that shares the error.
func (r *Reader) Of(b []byte) *Reader { return &Reader{b: b, err: r.err} }

// End fails the reader when something follows; unlike Done it is for a part.
func (r *Reader) End() {
	if len(r.b) > 0 {
		r.Fail("unexpected data")
	}
}

// OID reads an object identifier as dotted numbers, at most 32 arcs.
func (r *Reader) OID() string {
	b := r.Value(ObjectID)
	if r.Err() != nil {
		return ""
	}
	var out strings.Builder
	var arc uint64
	arcs, start := 0, true
	for _, x := range b {
		if start && x == 0x80 || arc > 1<<56 {
			r.Fail("object identifier is malformed")
			return ""
		}
		arc, start = arc<<7|uint64(x&0x7F), x&0x80 == 0
		if !start {
			continue
		}
		if arcs == 0 {
			top := min(arc/40, 2)
			out.WriteString(strconv.FormatUint(top, 10))
			arc -= top * 40
		}
		out.WriteByte('.')
		out.WriteString(strconv.FormatUint(arc, 10))
		arc = 0
		if arcs++; arcs > 32 {
			r.Fail("object identifier is too long")
			return ""
		}
	}
	if arcs == 0 || !start {
		r.Fail("object identifier is malformed")
		return ""
	}
	return out.String()
}

// Int reads the content of an INTEGER in its shortest form, sign included.
func (r *Reader) Int() []byte {
	b := r.Value(Integer)
	if r.Err() == nil && (len(b) == 0 || len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xFF && b[1] >= 0x80)) {
		r.Fail("integer is malformed")
		return nil
	}
	return b
}

// Natural reads a non-negative INTEGER as big-endian bytes without leading zero.
func (r *Reader) Natural() []byte {
	b := r.Int()
	if len(b) > 0 && b[0] >= 0x80 {
		r.Fail("integer is negative")
		return nil
	}
	if len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

// Small reads a non-negative INTEGER below 2³¹.
func (r *Reader) Small() int {
	b := r.Natural()
	if len(b) > 4 || len(b) == 4 && b[0] >= 0x80 {
		r.Fail("integer is too large")
		return 0
	}
	n := 0
	for _, x := range b {
		n = n<<8 | int(x)
	}
	return n
}

// Bool reads a BOOLEAN.
func (r *Reader) Bool() bool {
	b := r.Value(Boolean)
	if r.Err() == nil && (len(b) != 1 || b[0] != 0 && b[0] != 0xFF) {
		r.Fail("boolean is malformed")
	}
	return len(b) == 1 && b[0] == 0xFF
}

// Octets reads a BIT STRING of whole bytes.
func (r *Reader) Octets() []byte {
	b := r.Value(BitString)
	if r.Err() == nil && (len(b) == 0 || b[0] != 0) {
		r.Fail("bit string is malformed")
	}
	if len(b) == 0 {
		return nil
	}
	return b[1:]
}

// Time reads UTCTime or GeneralizedTime in UTC (RFC 5280 §4.1.2.5); seconds are
// optional in UTCTime, as some states leave them out.
func (r *Reader) Time() time.Time {
	tag, b, _ := r.next()
	layouts := []string{"20060102150405Z"}
	switch tag {
	case UTCTime:
		layouts = []string{"060102150405Z", "0601021504Z"}
	case GeneralizedTime:
	default:
		r.Fail("element %02X in place of a time", tag)
		return time.Time{}
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, string(b))
		if err != nil {
			continue
		}
		if tag == UTCTime && t.Year() >= 2050 {
			t = t.AddDate(-100, 0, 0)
		}
		return t.UTC()
	}
	r.Fail("time is malformed")
	return time.Time{}
}
