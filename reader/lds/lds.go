// Package lds reads the files of the logical data structure of travel documents
// and of identity cards of the same kind (ICAO Doc 9303-10 §4): EF.COM and the
// data groups 1, 2, 3, 7, 11, 12 and 16. DG13 belongs to the issuing state (see
// package cccd); DG14 and DG15 hold keys, EF.SOD signatures (secinfo, pa).
//
// Files come from cards that may be forged: nothing panics, nothing is allocated
// for a claimed length, and what is returned aliases the file. Error texts name
// tags and fields, never content.
package lds

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
)

// maxFile bounds every file; a real DG2 has 10 to 40 KB, a DG3 up to 60 KB.
const maxFile = 256 << 10

// groupTags are the tags of data groups 1 to 16 (Doc 9303-10 §4.6.1).
var groupTags = [...]byte{0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}

// GroupTag is the first byte of data group n, 0 for a number that is none.
func GroupTag(n int) byte {
	if n < 1 || n > len(groupTags) {
		return 0
	}
	return groupTags[n-1]
}

// body returns the content of the file's one object, whose tag must be that of
// data group n.
func body(file []byte, n int) ([]byte, error) {
	if len(file) > maxFile {
		return nil, fmt.Errorf("DG%d: file is too large", n)
	}
	o, _, err := tlv.Next(file)
	if err != nil {
		return nil, fmt.Errorf("DG%d: %w", n, err)
	}
	if o.Tag != uint32(GroupTag(n)) {
		return nil, fmt.Errorf("DG%d: tag is %X", n, o.Tag)
	}
	return o.Value, nil
}

// COM is EF.COM. It is not signed: what counts is the security object.
type COM struct {
	Version string // of the logical data structure, "0107" or "0108"
	Unicode string // "040000"
	Groups  []int  // numbers of the data groups present, ascending
}

// ParseCOM reads EF.COM (Doc 9303-10 §4.6.1). Only the list must be there.
func ParseCOM(file []byte) (COM, error) {
	content, err := tlv.Find(file, 0x60)
	if err != nil {
		return COM{}, fmt.Errorf("EF.COM: %w", err)
	}
	tags, err := tlv.Find(content, 0x5C)
	if err != nil {
		return COM{}, fmt.Errorf("EF.COM: %w", err)
	}
	var c COM
	for _, t := range tags {
		n := slices.Index(groupTags[:], t) + 1
		if n > 0 && !slices.Contains(c.Groups, n) {
			c.Groups = append(c.Groups, n)
		}
	}
	slices.Sort(c.Groups)
	c.Version, c.Unicode = version(content, 0x5F01, 4), version(content, 0x5F36, 6)
	return c, nil
}

func version(content []byte, tag uint32, n int) string {
	v, err := tlv.Find(content, tag)
	if err != nil || len(v) != n || strings.Trim(string(v), "0123456789") != "" {
		return ""
	}
	return string(v)
}

// maxText bounds one field of text: an address of several lines.
const maxText = 2048

// text reads a field of UTF-8 (Doc 9303-10 §4.7.11) as NFC. Text that is not
// valid, too long or holds control characters is no text.
func text(v []byte) string {
	if len(v) > maxText || !utf8.Valid(v) || strings.ContainsFunc(string(v), func(r rune) bool { return r < 0x20 || r == 0x7F }) {
		return ""
	}
	return strings.TrimSpace(norm.NFC.String(string(v)))
}

// parts reads a field whose components are parted by fillers: "Testville<Utopia".
func parts(v []byte) string {
	return strings.Join(strings.FieldsFunc(text(v), func(r rune) bool { return r == '<' }), ", ")
}

// date reads yyyymmdd, as text or, as older documents do, as four bytes of
// binary coded decimals. Unknown parts are "00".
func date(v []byte) eid.Date {
	s := string(v)
	if len(v) == 4 {
		s = fmt.Sprintf("%x", v)
	}
	if len(s) != 8 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	d := eid.Date(s[:4] + "-" + s[4:6] + "-" + s[6:])
	if strings.Contains(string(d), "-00") {
		if s[4:6] > "12" || s[6:] > "31" || s[4:6] == "00" && s[6:] != "00" {
			return ""
		}
		return d
	}
	if _, err := time.Parse(time.DateOnly, string(d)); err != nil {
		return ""
	}
	return d
}

var errCut = errors.New("cut short")
