package der

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestOID(t *testing.T) {
	for want, b := range map[string][]byte{
		"1.2.840.113549.1.7.2": {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02},
		"2.23.136.1.1.1":       {0x67, 0x81, 0x08, 0x01, 0x01, 0x01},
		"0.4.0.127.0.7":        {0x04, 0x00, 0x7F, 0x00, 0x07},
		"2.999":                {0x88, 0x37},
	} {
		r := New(append([]byte{ObjectID, byte(len(b))}, b...))
		if got := r.OID(); got != want || r.Done() != nil {
			t.Errorf("%s: %s %v", want, got, r.Err())
		}
	}
	for _, b := range [][]byte{{}, {0x80, 0x01}, {0x2A, 0x80}, {0x2A, 0x80, 0x01}, bytes.Repeat([]byte{0xFF}, 20), bytes.Repeat([]byte{1}, 40)} {
		if r := New(append([]byte{ObjectID, byte(len(b))}, b...)); r.OID() != "" || r.Done() == nil {
			t.Errorf("%x: no error", b)
		}
	}
}

func TestTime(t *testing.T) {
	for _, c := range []struct {
		tag  byte
		text string
		want string
	}{
		{UTCTime, "261124185959Z", "2026-11-24T18:59:59Z"},
		{UTCTime, "2611241859Z", "2026-11-24T18:59:00Z"},
		{UTCTime, "500101000000Z", "1950-01-01T00:00:00Z"},
		{UTCTime, "490101000000Z", "2049-01-01T00:00:00Z"},
		{GeneralizedTime, "20371001000000Z", "2037-10-01T00:00:00Z"},
		{GeneralizedTime, "20370229000000Z", ""},
		{GeneralizedTime, "261124185959Z", ""},
		{UTCTime, "261124185959+0700", ""},
		{OctetString, "261124185959Z", ""},
	} {
		r := New(append([]byte{c.tag, byte(len(c.text))}, c.text...))
		got := r.Time()
		if c.want == "" {
			if r.Done() == nil {
				t.Errorf("%s: no error", c.text)
			}
			continue
		}
		if got.Format(time.RFC3339) != c.want || r.Done() != nil {
			t.Errorf("%s: %s %v", c.text, got, r.Err())
		}
	}
}

// One value has one encoding: other forms are errors.
func TestStrict(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		read func(*Reader)
	}{
		"long length":          {[]byte{0x04, 0x81, 0x01, 0x00}, func(r *Reader) { r.Value(OctetString) }},
		"length with zero":     {append([]byte{0x04, 0x82, 0x00, 0x80}, make([]byte, 128)...), func(r *Reader) { r.Value(OctetString) }},
		"indefinite length":    {[]byte{0x30, 0x80, 0, 0}, func(r *Reader) { r.Open(Sequence) }},
		"length of five bytes": {[]byte{0x30, 0x85, 1, 1, 1, 1, 1}, func(r *Reader) { r.Open(Sequence) }},
		"huge length":          {[]byte{0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, func(r *Reader) { r.Open(Sequence) }},
		"long tag":             {[]byte{0x1F, 0x01, 0x00}, func(r *Reader) { r.Any() }},
		"nothing":              {nil, func(r *Reader) { r.Any() }},
		"only a tag":           {[]byte{0x30}, func(r *Reader) { r.Any() }},
		"other tag":            {[]byte{0x04, 0}, func(r *Reader) { r.Value(Integer) }},
		"empty integer":        {[]byte{0x02, 0}, func(r *Reader) { r.Int() }},
		"padded integer":       {[]byte{0x02, 2, 0, 1}, func(r *Reader) { r.Int() }},
		"padded negative":      {[]byte{0x02, 2, 0xFF, 0x80}, func(r *Reader) { r.Int() }},
		"negative":             {[]byte{0x02, 1, 0x80}, func(r *Reader) { r.Natural() }},
		"too large":            {[]byte{0x02, 5, 1, 0, 0, 0, 0}, func(r *Reader) { r.Small() }},
		"sloppy boolean":       {[]byte{0x01, 1, 1}, func(r *Reader) { r.Bool() }},
		"partial bits":         {[]byte{0x03, 2, 1, 2}, func(r *Reader) { r.Octets() }},
		"empty bits":           {[]byte{0x03, 0}, func(r *Reader) { r.Octets() }},
		"rest":                 {[]byte{0x05, 0, 0}, func(r *Reader) { r.Value(Null) }},
		"rest of a part":       {[]byte{0x30, 2, 5, 0}, func(r *Reader) { r.Open(Sequence).End() }},
	} {
		r := New(c.b)
		if c.read(r); r.Done() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The first error stays, and everything after it is empty.
func TestErrorSticks(t *testing.T) {
	r := New([]byte{0x30, 3, 0x02, 1, 7, 0x04, 1, 9})
	s := r.Open(Sequence)
	if s.Value(OctetString) != nil || r.Err() == nil {
		t.Fatal("wrong tag is no error")
	}
	first := r.Err()
	if r.Value(OctetString) != nil || s.Small() != 0 || s.Bool() || !s.Empty() || !r.Empty() || r.Peek(OctetString) || !r.Time().IsZero() {
		t.Error("reading goes on after an error")
	}
	if r.Fail("another"); !errors.Is(r.Done(), first) {
		t.Errorf("%v in place of %v", r.Done(), first)
	}
}
