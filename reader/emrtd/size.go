package emrtd

import (
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/sm"
)

// Sizes is what the card reader carries, as its driver and its profile tell.
type Sizes struct {
	MaxLe  int   // largest response in bytes, 0 if unknown
	Ladder []int // response sizes to step down through, largest first; empty: the usual ones
}

// usualLadder is what cards and readers in the field are known to take.
var usualLadder = []int{sm.MaxPlain, 4096, 1000, 256, 231, 224, 160, 112}

// first is the largest plain response to ask for in session s.
func (z Sizes) first(s *sm.Session) int {
	n := s.PlainLimit(z.MaxLe)
	if len(z.Ladder) > 0 {
		n = min(n, s.PlainLimit(z.Ladder[0]))
	}
	return n
}

// stepDown takes the next rung below n, a plain response that was refused.
func (c *Chip) stepDown(n int) bool {
	rungs := c.sizes.Ladder
	if len(rungs) == 0 {
		rungs = usualLadder
	}
	for _, rung := range rungs {
		if rung < n {
			c.maxLe = rung
			return true
		}
	}
	return false
}

// File is one file for Least: the size of its content and how much of it a
// reader may ask for before it knows the size.
type File struct {
	Size  int
	Blind int
}

// FileOf describes a file of the application to Least.
func FileOf(id FileID, size, short int) File {
	if id == SOD || id == DG(2) {
		return File{size, short}
	}
	return File{size, headerBytes}
}

// Least is the least number of commands that read files whose sizes are not
// known before, when a response brings at most plain bytes: one for what may be
// asked for blindly, then the rest in full responses (Doc 9303-10 §3.6; beyond
// offset 32767 each response also carries a wrapper).
func Least(files []File, plain int) int {
	total := 0
	for _, f := range files {
		done := min(f.Blind, f.Size, plain)
		for total++; done < f.Size; total++ {
			n := plain
			if done > maxShortOffset {
				n -= wrapped(min(plain, f.Size-done))
			}
			done += max(n, 1)
		}
	}
	return total
}

// Least is the fewest commands with which this reading could have been done:
// those that opened the chip and read its files as few as possible, the others
// as many as they were.
func (c *Chip) Least() int {
	// EF.CardAccess; PACE: MSE:Set AT and four GENERAL AUTHENTICATE (Doc 9303-11
	// §4.4.4); SELECT.
	open := 1 + 5 + 1
	if c.way == nil || !c.way.outside() {
		// No EF.CardAccess, by short identifier and by identifier in the master file,
		// since one refusal is too little to give up PACE; SELECT, GET CHALLENGE,
		// EXTERNAL AUTHENTICATE (§4.3).
		open = 3 + 3
	}
	return c.card.APDUs() - c.spent + open + Least(c.files, c.maxLe)
}

// account notes that a file was read, or not, since start commands were sent.
func (c *Chip) account(id FileID, size, start int) {
	c.spent += c.card.APDUs() - start
	if size > 0 {
		c.files = append(c.files, FileOf(id, size, c.session.PlainLimit(apdu.MaxShort)))
	}
}
