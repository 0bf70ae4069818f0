package pcsc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/eid"
)

// Card is a card that this program holds. Its goroutine alone talks to the
// card. After a failure it is of no more use: what lies on the reader then may
// be another card.
type Card struct {
	service *Service
	reader  Reader
	tuning  profile.Reader
	maxLe   int
	events  scard.StateFlag // count of insertions and removals when it was taken
	ends    time.Time       // of the session
	jobs    chan job
	closed  chan struct{}

	mu   sync.Mutex
	dead error
}

type job struct {
	command []byte
	answer  chan answer
}

type answer struct {
	data []byte
	err  error
}

// apduTimeout bounds one command. Drivers give up on a silent card on their own,
// but not all of them and not soon.
const apduTimeout = 15 * time.Second

// Connect takes the card on the reader as the reader's profile says, for this
// program alone if nothing else, and powers it. The caller closes it before the
// service. Errors are *eid.Error.
func (s *Service) Connect(ctx context.Context, r Reader) (*Card, error) {
	if err := s.establish(); err != nil {
		return nil, eid.Fail(eid.CodeNoReader, "connect card", err)
	}
	c := &Card{service: s, reader: r, jobs: make(chan job), closed: make(chan struct{})}
	opened := make(chan error, 1)
	s.cards.Go(func() { c.own(opened) })
	select {
	case err := <-opened:
		if err != nil {
			return nil, err
		}
		return c, nil
	case <-ctx.Done():
		c.Close() // the goroutine ends when the driver returns; the service joins it
		return nil, ctx.Err()
	}
}

// own opens the card, serves commands and lets the card go.
func (c *Card) own(opened chan<- error) {
	card, err := c.open()
	opened <- err
	if err != nil {
		return
	}
	// A reset or the loss of power leaves no open session behind for another program.
	defer func() { _ = card.Disconnect(disposition(c.tuning.Disconnect)) }()
	for {
		select {
		case <-c.closed:
			return
		case j := <-c.jobs:
			data, err := c.exchange(card, j.command)
			j.answer <- answer{data, err}
		}
	}
}

func (c *Card) open() (*scard.Card, error) {
	_, c.tuning = c.service.claim(profile.Device{Name: c.reader.Name})
	share := scard.ShareExclusive
	if c.tuning.Share == "shared" {
		share = scard.ShareShared
	}
	card, err := c.service.context.Connect(c.reader.Name, share, scard.ProtocolAny)
	if err == nil && card.ActiveProtocol() != scard.ProtocolT0 && card.ActiveProtocol() != scard.ProtocolT1 {
		_ = card.Disconnect(scard.ResetCard)
		err = errors.New("card speaks neither T=0 nor T=1")
	}
	if err != nil {
		return nil, c.failure(nil, "connect card", err)
	}
	if status, err := card.Status(); err == nil {
		c.reader.ATR = status.Atr // of the card that was taken, not of the one that was seen
	}
	d := driverOf(card)
	d.device.Name = c.reader.Name
	c.reader.Profile, c.tuning = c.service.claim(d.device)
	c.maxLe = maxLe(card, c.reader.ATR, d.maxAPDUData)
	if c.tuning.APDU != "extended" {
		c.maxLe = maxShort
	}
	c.ends = time.Now().Add(time.Duration(c.tuning.SessionS) * time.Second)
	c.events, _ = c.count()
	c.escape(card)
	return card, nil
}

// escape sends the profile's commands to the reader. Drivers refuse them unless
// the administrator allows them, which is no reason not to read.
func (c *Card) escape(card *scard.Card) {
	const ioctlEscape = 1 // of the CCID driver; PC/SC leaves the number to drivers
	payloads, err := profile.Payloads(c.tuning.Escape)
	if err != nil {
		return // profiles are checked when they are loaded
	}
	for i, p := range payloads {
		if _, err := card.Control(scard.CtlCode(ioctlEscape), p); err != nil {
			c.service.log.Warn("reader refuses a command of its profile", "profile", c.reader.Profile, "step", i+1, "error", err)
		}
	}
}

func disposition(name string) scard.Disposition {
	switch name {
	case "leave":
		return scard.LeaveCard
	case "reset":
		return scard.ResetCard
	}
	return scard.UnpowerCard
}

// exchange transmits in the owner's goroutine.
func (c *Card) exchange(card *scard.Card, command []byte) ([]byte, error) {
	// Secure messaging proves that the card is still the same one; a command in
	// the clear proves nothing, and begins what follows.
	if plain := command[0]&0x0C == 0; plain {
		if now, ok := c.count(); ok && now != c.events {
			return nil, c.fail(eid.Fail(eid.CodeChipRemoved, "transmit", errors.New("card was exchanged")))
		}
	}
	data, err := card.Transmit(command)
	if err == nil && len(data) < 2 { // as vpcd's driver says that the card has left
		err = errors.New("response is shorter than its status word")
	}
	if err != nil {
		return nil, c.fail(c.failure(card, "transmit", err))
	}
	return data, nil
}

// Transmit sends one command APDU and returns the response APDU. Errors are
// *eid.Error (eid.CodeChipRemoved, eid.CodeNoReader, eid.CodeChipRead) or the
// context's; the first one is the answer to every command that follows.
func (c *Card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) == 0 {
		return nil, eid.Fail(eid.CodeChipRead, "transmit", errors.New("command is empty"))
	}
	if err := c.failed(); err != nil {
		return nil, err
	}
	left := time.Until(c.ends)
	silent := errors.New("card does not answer in time")
	if left <= 0 {
		return nil, c.fail(eid.Fail(eid.CodeChipRead, "transmit", fmt.Errorf("session lasts longer than %d s", c.tuning.SessionS)))
	}
	timeout := time.NewTimer(min(apduTimeout, left))
	defer timeout.Stop()
	j := job{command, make(chan answer, 1)}
	select {
	case c.jobs <- j:
	case <-c.closed:
		return nil, eid.Fail(eid.CodeChipRead, "transmit", errors.New("card is closed"))
	case <-ctx.Done():
		return nil, c.fail(ctx.Err())
	case <-timeout.C:
		return nil, c.fail(eid.Fail(eid.CodeChipRead, "transmit", silent))
	}
	select {
	case a := <-j.answer:
		return a.data, a.err
	case <-ctx.Done():
		return nil, c.fail(ctx.Err())
	case <-timeout.C:
		return nil, c.fail(eid.Fail(eid.CodeChipRead, "transmit", silent))
	}
}

// fail remembers the first failure and returns it.
func (c *Card) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead == nil {
		c.dead = err
	}
	return c.dead
}

func (c *Card) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// MaxLe is the largest response that reader and card are known to take at once,
// 0 when neither tells.
func (c *Card) MaxLe() int { return c.maxLe }

// Reader is the reader's slot with the card's ATR.
func (c *Card) Reader() Reader { return c.reader }

// Tuning is how the reader is to be used: its profile, or the usual values.
func (c *Card) Tuning() profile.Reader { return c.tuning }

// Close lets the card go. Its goroutine is joined by the service's Close.
func (c *Card) Close() {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
}
