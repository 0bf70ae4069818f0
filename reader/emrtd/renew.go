package emrtd

import "github.com/enrold/enrold/reader/sm"

type renewalState int

const (
	renewalNone renewalState = iota
	renewalPending
	renewalProven
	renewalFailed
)

// renewal is a change of session keys by chip authentication. Only an answer
// under the new keys shows that the chip has them (Doc 9303-11 §6.2.1).
type renewal struct {
	state renewalState
	err   error
}

func (r *renewal) judge(err error) {
	r.state, r.err = renewalProven, nil
	if err != nil {
		r.state, r.err = renewalFailed, err
	}
}

// Renew goes on with another session, whose keys chip authentication gave. If
// the first answer does not hold under them, the access procedure runs again and
// the reading goes on; Renewed tells.
func (c *Chip) Renew(s *sm.Session) {
	c.session, c.renewal = s, renewal{state: renewalPending}
}

// Renewed says whether the chip proved the keys given to Renew; before the next
// answer it has not. Without Renew there is nothing to prove, and it is true.
func (c *Chip) Renewed() (proven bool, err error) {
	return c.renewal.state == renewalNone || c.renewal.state == renewalProven, c.renewal.err
}

// Room is the largest plain response that card and reader carry, as far as the
// reading has found out.
func (c *Chip) Room() int { return c.maxLe }
