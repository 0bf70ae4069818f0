package emrtd

import (
	"context"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/pace"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/sm"
)

// maxReopened bounds how often a chip may end the session during one reading.
const maxReopened = 12

// Attempt is an access procedure that was tried. Err is nil for the one that
// opened the chip; it holds no personal data.
type Attempt struct {
	Name string // "PACE-GM/CAN", "PACE-CAM/MRZ", "BAC"
	Err  error
}

func (a Attempt) String() string {
	if a.Err == nil {
		return a.Name + ": ok"
	}
	return a.Name + ": " + a.Err.Error()
}

// Chip is a chip after access control. Every command it sends is protected:
// when a session ends, the access procedure runs again; there is no way back
// to reading in the clear.
type Chip struct {
	card     *apdu.Channel
	way      way
	session  *sm.Session
	proof    *pace.Proof
	access   secinfo.Infos // of EF.CardAccess
	attempts []Attempt
	security []byte // EF.CardSecurity, when it was read
	renewal  renewal
	inside   bool // the application is selected
	sizes    Sizes
	maxLe    int // largest plain response to ask for
	short    shortIDs
	files    []File // that were read
	spent    int    // commands that opened the chip and read them
	reopened int
}

// Open opens the chip by the first procedure that works and selects the
// application. The chip is returned even with an error, for its Attempts.
// Errors wrap ErrNoApplication, ErrBlocked, ErrAccessDenied, ErrNotOffered or
// the transport's.
func Open(ctx context.Context, card *apdu.Channel, terms Terms, sizes Sizes) (*Chip, error) {
	c := &Chip{card: card, sizes: sizes}
	defer func() { c.spent = card.APDUs() }()
	var err error
	if c.access, err = readCardAccess(ctx, card, terms.SelectMF); err != nil {
		return c, fmt.Errorf("read EF.CardAccess: %w", err)
	}
	result := fmt.Errorf("open chip: %w", ErrNotOffered)
	for _, group := range terms.ways(pace.Offered(c.access)) {
		for _, w := range group {
			err := c.try(ctx, w)
			if err == nil {
				return c, nil
			}
			c.attempts = append(c.attempts, Attempt{w.name(), err})
			result = worse(result, fmt.Errorf("open chip by %s: %w", w.name(), err))
			if fatal(ctx, err) {
				return c, result
			}
			if errors.Is(err, ErrAccessDenied) || errors.Is(err, ErrBlocked) {
				break // not this password once more
			}
		}
	}
	return c, result
}

// try opens the chip by one way, reads EF.CardSecurity if the mapping needs it,
// and selects the application.
func (c *Chip) try(ctx context.Context, w way) error {
	s, proof, err := w.open(ctx, c.card, false)
	if err != nil {
		return err
	}
	c.way, c.session, c.proof, c.inside = w, s, proof, !w.outside()
	c.maxLe = c.sizes.first(s)
	if proof != nil {
		c.security, err = c.Read(ctx, CardSecurity, nil)
		if err != nil && transport(err) {
			return err
		}
		// Without the file the chip stays unproven; the reading goes on.
	}
	if !c.inside {
		err := selectApplication(ctx, c.Send)
		if _, dropped := errors.AsType[*sm.UnprotectedError](err); dropped {
			err = selectApplication(ctx, c.Send) // in a new session
		}
		if err != nil {
			return err
		}
		c.inside = true
	}
	c.attempts = append(c.attempts, Attempt{Name: w.name()})
	return nil
}

// worse keeps the failure that tells the officer most: a blocked password, then
// a refused one, then the last.
func worse(old, next error) error {
	for _, kind := range []error{ErrBlocked, ErrAccessDenied} {
		if errors.Is(old, kind) {
			return old
		}
		if errors.Is(next, kind) {
			return next
		}
	}
	if errors.Is(next, ErrNotOffered) && !errors.Is(old, ErrNotOffered) {
		return old
	}
	return next
}

// fatal tells the errors after which no other procedure is tried.
func fatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || transport(err) || errors.Is(err, ErrNoApplication)
}

// transport tells an error of the reader from one of the card.
func transport(err error) bool {
	_, ok := errors.AsType[*apdu.TransmitError](err)
	return ok
}

// Access names the procedure that opened the chip: "BAC" or PACE with mapping
// and password, "PACE-GM/MRZ", "PACE-IM/CAN", "PACE-CAM/MRZ".
func (c *Chip) Access() string {
	if c.way == nil {
		return ""
	}
	return c.way.name()
}

// Attempts lists what was tried, in order.
func (c *Chip) Attempts() []Attempt { return c.attempts }

// CardAccess is what EF.CardAccess lists; empty when there is none.
func (c *Chip) CardAccess() secinfo.Infos { return c.access }

// Proof is the proof of chip authentication mapping, nil for other procedures,
// and CardSecurity the file with the key for it, nil if it could not be read.
func (c *Chip) Proof() (proof *pace.Proof, cardSecurity []byte) { return c.proof, c.security }

// Send protects and transmits one command. An answer outside secure messaging
// ends the session; the next command runs the access procedure again first.
func (c *Chip) Send(ctx context.Context, cmd apdu.Command) (apdu.Response, error) {
	if c.session.Ended() {
		if err := c.reopen(ctx); err != nil {
			return apdu.Response{}, err
		}
	}
	r, err := c.exchange(ctx, cmd)
	if c.renewal.state == renewalPending && !transport(err) {
		if c.renewal.judge(err); err != nil {
			if err := c.reopen(ctx); err != nil {
				return apdu.Response{}, err
			}
			return c.exchange(ctx, cmd)
		}
	}
	return r, err
}

func (c *Chip) exchange(ctx context.Context, cmd apdu.Command) (apdu.Response, error) {
	protected, err := c.session.Protect(cmd)
	if err != nil {
		return apdu.Response{}, err
	}
	r, err := c.card.Send(ctx, protected)
	if err != nil {
		c.session.End()
		return apdu.Response{}, err
	}
	return c.session.Open(r)
}

// reopen runs the access procedure again and goes back to where the reading was.
func (c *Chip) reopen(ctx context.Context) error {
	if c.reopened++; c.reopened > maxReopened {
		return sm.ErrSessionEnded
	}
	s, _, err := c.way.open(ctx, c.card, true)
	if err != nil && !transport(err) && !errors.Is(err, ErrAccessDenied) && !errors.Is(err, ErrBlocked) {
		// The chip may still hold the old session: then the first plain command only
		// ends it.
		s, _, err = c.way.open(ctx, c.card, true)
	}
	if err != nil {
		return fmt.Errorf("open chip again: %w", err)
	}
	c.session = s
	if c.inside && c.way.outside() {
		if err := selectApplication(ctx, c.exchange); err != nil {
			return fmt.Errorf("open chip again: %w", err)
		}
	}
	return nil
}
