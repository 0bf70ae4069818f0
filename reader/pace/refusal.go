package pace

import (
	"fmt"
	"slices"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/sm"
)

// Refusal is a step that the chip refused.
type Refusal struct {
	Step  string
	SW    apdu.Status
	Tries int  // tries left before the attempt, from MSE:Set AT; -1 unknown
	Token bool // the step was the terminal's token: the password is wrong
}

func (e *Refusal) Error() string {
	if n, ok := e.Left(); ok {
		return fmt.Sprintf("%s: card answers %s, %d tries left", e.Step, e.SW, n)
	}
	if e.Blocked() {
		return fmt.Sprintf("%s: card answers %s, password is blocked", e.Step, e.SW)
	}
	return fmt.Sprintf("%s: card answers %s", e.Step, e.SW)
}

// Left is the number of tries that are left, if the card says so: 63Cx of this
// step, or one less than MSE:Set AT told before a wrong password.
func (e *Refusal) Left() (int, bool) {
	if n, ok := triesLeft(e.SW); ok {
		return n, true
	}
	if e.Token && e.Tries > 0 {
		return e.Tries - 1, true
	}
	return 0, false
}

// Blocked says that the password is blocked or suspended: 6983, 6984, or no
// tries left (ISO/IEC 7816-4 §5.6, TR-03110-3 B.11).
func (e *Refusal) Blocked() bool {
	n, ok := triesLeft(e.SW)
	return e.SW == 0x6983 || e.SW == 0x6984 || ok && n == 0
}

// WrongPassword says that the chip did not accept the terminal's token.
func (e *Refusal) WrongPassword() bool { return e.Token }

// triesLeft decodes 63Cx.
func triesLeft(sw apdu.Status) (int, bool) {
	if sw&0xFFF0 != 0x63C0 {
		return 0, false
	}
	return int(sw & 0xF), true
}

// sortByRank puts the preferred protocols first, otherwise in the chip's order.
func sortByRank(list []Protocol) {
	rank := func(p Protocol) int {
		n := map[secinfo.Mapping]int{secinfo.ChipAuth: 0, secinfo.Generic: 4, secinfo.Integrated: 8}[p.Info.Mapping]
		if p.Info.Field {
			n += 2
		}
		if p.Info.Cipher == sm.TDES {
			n++
		}
		return n
	}
	slices.SortStableFunc(list, func(a, b Protocol) int { return rank(a) - rank(b) })
}
