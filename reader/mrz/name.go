package mrz

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NameMatch is how well a printed name fits another spelling (requirements §3.7).
type NameMatch int

const (
	NameDiffers NameMatch = iota
	NameZone              // same after transliteration to the zone's alphabet
	NameTone              // same but for the place of the tone mark: Hoà, Hòa
	NameExact             // same after NFC
)

// CompareNames compares two printed names in three tiers.
func CompareNames(a, b string) NameMatch {
	a, b = FoldName(a), FoldName(b)
	switch {
	case a == b:
		return NameExact
	case sameButTone(a, b):
		return NameTone
	case len(Transliterate(a)) > 0 && slices.Equal(Transliterate(a), Transliterate(b)):
		return NameZone
	}
	return NameDiffers
}

// FoldName brings a name to NFC and upper case with single spaces, one code
// point for Đ and one for the apostrophe.
func FoldName(s string) string {
	s = strings.NewReplacer("\u00D0", "Đ", "\u2019", "'", "\u02BC", "'").Replace(norm.NFC.String(s))
	return strings.Join(strings.Fields(strings.ToUpper(s)), " ")
}

// Vietnamese tone marks as combining characters: grave, acute, tilde, hook, dot.
const tones = "\u0300\u0301\u0303\u0309\u0323"

// sameButTone compares syllable by syllable: same letters, same tone, wherever
// the tone mark stands.
func sameButTone(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return slices.EqualFunc(x, y, func(p, q string) bool {
		pl, pt := splitTone(p)
		ql, qt := splitTone(q)
		return pl == ql && pt == qt
	})
}

func splitTone(s string) (letters, tone string) {
	for _, r := range norm.NFD.String(s) {
		if strings.ContainsRune(tones, r) {
			tone += string(r)
		} else {
			letters += string(r)
		}
	}
	return letters, tone
}

// Transliterate returns the words of a printed name in the zone's alphabet
// (Doc 9303-3 §6): marks are stripped, Đ is D, apostrophes vanish, a hyphen
// parts words. Characters that it does not know part words too.
func Transliterate(name string) []string {
	var out strings.Builder
	for _, r := range norm.NFD.String(FoldName(name)) {
		switch {
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			out.WriteRune(r)
		case r == 'Đ':
			out.WriteByte('D')
		case r == '\'', unicode.Is(unicode.Mn, r):
		default:
			out.WriteByte(' ')
		}
	}
	return strings.Fields(out.String())
}

// NameFits says whether the printed name is the one in the zone's name field.
// full means that the field may have been cut: then the zone's text must be a
// beginning of the printed one. Otherwise the words are compared as a multiset,
// since names of ethnic minorities put no surname first (requirements §3.7).
func NameFits(printed, field string, full bool) bool {
	words := Transliterate(printed)
	zone := strings.FieldsFunc(field, func(r rune) bool { return r == '<' })
	if len(words) == 0 || len(zone) == 0 {
		return false
	}
	if full {
		return strings.HasPrefix(strings.Join(words, "<"), strings.Join(zone, "<"))
	}
	words, zone = slices.Sorted(slices.Values(words)), slices.Sorted(slices.Values(zone))
	return slices.Equal(words, zone)
}
