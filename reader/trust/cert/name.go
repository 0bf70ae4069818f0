package cert

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/enrold/enrold/reader/trust/der"
)

// Name is a distinguished name (RFC 5280 §4.1.2.4).
type Name struct {
	Raw  []byte
	rdns [][]attribute
}

type attribute struct {
	oid   string
	text  string
	plain bool // one of the string types that carry the same characters
}

const (
	oidCountry      = "2.5.4.6"
	oidOrganization = "2.5.4.10"
)

var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", oidCountry: "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	oidOrganization: "O", "2.5.4.11": "OU",
}

const maxAttributes = 64

// ReadName reads a Name, at most 64 attributes.
func ReadName(r *der.Reader) Name {
	n := Name{Raw: r.Raw(der.Sequence)}
	if r.Err() != nil {
		return n
	}
	outer := r.Of(n.Raw)
	list := outer.Open(der.Sequence)
	for count := 0; !list.Empty(); {
		set := list.Open(der.Set)
		var rdn []attribute
		for !set.Empty() {
			pair := set.Open(der.Sequence)
			a := attribute{oid: pair.OID()}
			tag, value, _ := pair.Any()
			pair.End()
			a.text, a.plain = text(tag, value)
			rdn = append(rdn, a)
			if count++; count > maxAttributes {
				r.Fail("name is too long")
			}
		}
		n.rdns = append(n.rdns, rdn)
	}
	return n
}

// text decodes a directory string; what is no text becomes hexadecimal.
func text(tag byte, b []byte) (s string, plain bool) {
	switch tag {
	case der.UTF8String, der.PrintableString, der.IA5String:
		if utf8.Valid(b) {
			return string(b), true
		}
	case der.BMPString:
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		return string(utf16.Decode(units)), false
	case der.T61String, der.VisibleString: // in practice Latin-1
		runes := make([]rune, len(b))
		for i, x := range b {
			runes[i] = rune(x)
		}
		return string(runes), false
	}
	return "#" + hex.EncodeToString(b), false
}

// String writes the name as RFC 4514 does: last element first. Control
// characters become '?', since names of strangers reach terminals and logs.
func (n Name) String() string {
	var parts []string
	for _, rdn := range slices.Backward(n.rdns) {
		var set []string
		for _, a := range rdn {
			key := attributeNames[a.oid]
			if key == "" {
				key = a.oid
			}
			value := strings.Map(func(r rune) rune {
				if r < ' ' || r >= 0x7F && r < 0xA0 || r == 0x202E {
					return '?'
				}
				return r
			}, a.text)
			set = append(set, key+"="+strings.NewReplacer(`\`, `\\`, `,`, `\,`, `+`, `\+`).Replace(value))
		}
		parts = append(parts, strings.Join(set, "+"))
	}
	return strings.Join(parts, ",")
}

// Values returns the texts of all attributes of that kind.
func (n Name) values(oid string) (found []string) {
	for _, rdn := range n.rdns {
		for _, a := range rdn {
			if a.oid == oid {
				found = append(found, a.text)
			}
		}
	}
	return found
}

// Organizations returns the O attributes.
func (n Name) Organizations() []string { return n.values(oidOrganization) }

// Country is the upper case C attribute; empty when there is not exactly one.
func (n Name) Country() string {
	if v := n.values(oidCountry); len(v) == 1 {
		return strings.ToUpper(v[0])
	}
	return ""
}

// Canonical is equal for names that RFC 5280 §7.1 calls the same: the string
// type, letter case and runs of spaces do not count.
func (n Name) Canonical() string {
	return n.fold(func(a attribute) string { return strings.ToLower(strings.Join(strings.Fields(a.text), " ")) })
}

// SameText says whether two names differ in nothing but the string types
// UTF8String, PrintableString and IA5String. It is stricter than Canonical: for
// names that no signature covers.
func (n Name) SameText(o Name) bool {
	exact := func(a attribute) string {
		if a.plain {
			return a.text
		}
		return "#" + a.text
	}
	return n.fold(exact) == o.fold(exact)
}

func (n Name) fold(value func(attribute) string) string {
	var out []string
	for _, rdn := range n.rdns {
		set := make([]string, len(rdn))
		for i, a := range rdn {
			set[i] = a.oid + "=" + value(a)
		}
		slices.Sort(set)
		out = append(out, strings.Join(set, "\x01"))
	}
	return strings.Join(out, "\x00")
}
