// Package names compares the spellings of a person's name: printed on a card,
// in a chip, in a machine readable zone, typed (requirements §3.7).
package names

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Tier is how well two spellings fit, worst first.
type Tier int

const (
	Differs Tier = iota
	Zone         // same after transliteration to the zone's alphabet
	Tone         // same but for the place of the tone mark: Hoà, Hòa
	Exact        // same after NFC
)

func (t Tier) String() string {
	return [...]string{"differs", "zone", "tone", "exact"}[max(Differs, min(t, Exact))]
}

// Compare compares two printed names.
func Compare(a, b string) Tier {
	a, b = Fold(a), Fold(b)
	switch {
	case a == b:
		return Exact
	case sameButTone(a, b):
		return Tone
	case len(Transliterate(a)) > 0 && slices.Equal(Transliterate(a), Transliterate(b)):
		return Zone
	}
	return Differs
}

// Fold brings a name to NFC and upper case with single spaces, one code point
// for Đ and one for the apostrophe.
func Fold(s string) string {
	s = strings.NewReplacer("\u00D0", "Đ", "\u00F0", "đ", "\u2019", "'", "\u02BC", "'").Replace(norm.NFC.String(s))
	return strings.Join(strings.Fields(strings.ToUpper(s)), " ")
}

// Vietnamese tone marks as combining characters: grave, acute, tilde, hook, dot.
const tones = "\u0300\u0301\u0303\u0309\u0323"

// sameButTone compares syllable by syllable: same letters, same tone, wherever
// the tone mark stands.
func sameButTone(a, b string) bool {
	return slices.EqualFunc(strings.Fields(a), strings.Fields(b), func(p, q string) bool {
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

// Marked says whether a name carries any mark that the zone's alphabet lacks. A
// Vietnamese name of several words without one was likely stripped on its way.
func Marked(name string) bool {
	return strings.ContainsFunc(norm.NFD.String(Fold(name)), func(r rune) bool { return r == 'Đ' || unicode.Is(unicode.Mn, r) })
}

// letters that do not decompose (Doc 9303-3 §6 A).
var letters = map[rune]string{
	'Đ': "D", 'Æ': "AE", 'Œ': "OE", 'Ø': "OE", 'Þ': "TH", 'ẞ': "SS", 'ß': "SS", 'Ł': "L", 'Ħ': "H", 'Ŧ': "T", 'Ŋ': "N",
}

// expanded are the letters that Doc 9303-3 §6 A recommends to write with two;
// issuing states do and do not.
var expanded = map[rune]string{'Ä': "AE", 'Ö': "OE", 'Ü': "UE", 'Å': "AA"}

// Transliterate returns the words of a printed name in the zone's alphabet
// (Doc 9303-3 §6): marks are stripped, Đ is D, apostrophes vanish, a hyphen
// parts words. Characters that it does not know part words too.
func Transliterate(name string) []string { return transliterate(Fold(name), nil) }

func transliterate(folded string, expand map[rune]string) []string {
	var out strings.Builder
	for _, whole := range folded {
		if s, ok := expand[whole]; ok {
			out.WriteString(s)
			continue
		}
		for _, r := range norm.NFD.String(string(whole)) {
			s, known := letters[r]
			switch {
			case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
				out.WriteRune(r)
			case known:
				out.WriteString(s)
			case r == '\'', unicode.Is(unicode.Mn, r):
			default:
				out.WriteByte(' ')
			}
		}
	}
	return strings.Fields(out.String())
}

// Fits says whether the printed name is the one in the zone's name field. full
// means that the field may have been cut: then the zone's text must be a
// beginning of the printed one. Otherwise the words are compared as a multiset,
// since names of ethnic minorities put no surname first (requirements §3.7).
func Fits(printed, field string, full bool) bool {
	folded := Fold(printed)
	return fits(transliterate(folded, nil), field, full) || fits(transliterate(folded, expanded), field, full)
}

func fits(words []string, field string, full bool) bool {
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
