package procedure

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/enrold/enrold/internal/eid"
)

type pinTable struct {
	Provinces []string `toml:"provinces"`
}

// NormalisePIN folds what keyboards and scanners do to a personal number:
// spaces go, full-width digits become ASCII. The result still needs CheckPIN.
func NormalisePIN(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, width.Narrow.String(s))
}

// CheckPIN is the hard rule of the personal number (requirements §3.2): 12 ASCII
// digits, not all equal. Law 26/2023 Art. 12 promises no more. The error has
// eid.CodePINFormat.
func CheckPIN(pin string) error {
	fail := func(why string) error {
		return eid.Fail(eid.CodePINFormat, "check personal number", fmt.Errorf("%s", why))
	}
	if len(pin) != 12 {
		return fail("not 12 characters long")
	}
	for i := range len(pin) {
		if pin[i] < '0' || pin[i] > '9' {
			return fail("not only digits")
		}
	}
	if strings.Count(pin, pin[:1]) == len(pin) {
		return fail("all digits equal")
	}
	return nil
}

// PINDoubts returns which parts of a number that passed CheckPIN do not fit the
// person: "province", "century_sex", "year". They are doubts only: the inner
// structure PPP G YY RRRRRR is no longer a legal guarantee, and a number stays
// after a change of sex.
func (r *Rules) PINDoubts(pin string, birth eid.Date, sex string) []string {
	var doubts []string
	if province := pin[:3]; province < "100" && !slices.Contains(r.pins.Provinces, province) {
		doubts = append(doubts, "province")
	}
	year, _, _, err := birthParts(birth)
	if err != nil {
		return doubts
	}
	// G: 1900s 0 man 1 woman, 2000s 2 and 3, and so on.
	g := int(pin[3] - '0')
	wrongSex := sex == "M" && g%2 != 0 || sex == "F" && g%2 != 1
	if g/2 != year/100-19 || wrongSex {
		doubts = append(doubts, "century_sex")
	}
	if pin[4:6] != fmt.Sprintf("%02d", year%100) {
		doubts = append(doubts, "year")
	}
	return doubts
}
