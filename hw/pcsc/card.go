package pcsc

import (
	"context"
	"errors"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/internal/eid"
)

// Card is a card under exclusive access. Its goroutine alone talks to the card.
type Card struct {
	service *Service
	name    string
	maxLe   int
	jobs    chan job
	closed  chan struct{}
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

// Connect takes the card on the reader for this program alone and powers it.
// The caller closes it before the service. Errors are *eid.Error.
func (s *Service) Connect(ctx context.Context, r Reader) (*Card, error) {
	if err := s.establish(); err != nil {
		return nil, eid.Fail(eid.CodeNoReader, "connect card", err)
	}
	c := &Card{service: s, name: r.Name, jobs: make(chan job), closed: make(chan struct{})}
	opened := make(chan error, 1)
	s.cards.Go(func() { c.own(r, opened) })
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
func (c *Card) own(r Reader, opened chan<- error) {
	card, err := c.service.context.Connect(r.Name, scard.ShareExclusive, scard.ProtocolAny)
	if err == nil && card.ActiveProtocol() != scard.ProtocolT0 && card.ActiveProtocol() != scard.ProtocolT1 {
		_ = card.Disconnect(scard.ResetCard)
		err = errors.New("card speaks neither T=0 nor T=1")
	}
	if err != nil {
		opened <- c.failure("connect card", err)
		return
	}
	c.maxLe = maxLe(card, r.ATR)
	opened <- nil
	// A reset leaves no open session behind for another program.
	defer func() { _ = card.Disconnect(scard.ResetCard) }()
	for {
		select {
		case <-c.closed:
			return
		case j := <-c.jobs:
			data, err := card.Transmit(j.command)
			if err != nil {
				err = c.failure("transmit", err)
			}
			j.answer <- answer{data, err}
		}
	}
}

// Transmit sends one command APDU and returns the response APDU. Errors are
// *eid.Error (eid.CodeChipRemoved, eid.CodeNoReader, eid.CodeChipRead) or the
// context's; after one the card is of no more use.
func (c *Card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) == 0 {
		return nil, eid.Fail(eid.CodeChipRead, "transmit", errors.New("command is empty"))
	}
	timeout := time.NewTimer(apduTimeout)
	defer timeout.Stop()
	j := job{command, make(chan answer, 1)}
	silent := eid.Fail(eid.CodeChipRead, "transmit", errors.New("card does not answer in time"))
	select {
	case c.jobs <- j:
	case <-c.closed:
		return nil, eid.Fail(eid.CodeChipRead, "transmit", errors.New("card is closed"))
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timeout.C:
		return nil, silent
	}
	select {
	case a := <-j.answer:
		return a.data, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timeout.C:
		return nil, silent
	}
}

// MaxLe is the largest response that reader and card are known to take at once,
// 0 when neither tells.
func (c *Card) MaxLe() int { return c.maxLe }

// Reader is the reader's name.
func (c *Card) Reader() string { return c.name }

// Close lets the card go. Its goroutine is joined by the service's Close.
func (c *Card) Close() {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
}

// failure gives pcscd's error the officer's code.
func (c *Card) failure(op string, err error) error {
	code := eid.CodeChipRead
	switch {
	case is(err, scard.ErrRemovedCard, scard.ErrNoSmartcard):
		code = eid.CodeChipRemoved
	case is(err, scard.ErrSharingViolation):
		code = eid.CodeDeviceBusy
	case is(err, scard.ErrUnknownReader, scard.ErrReaderUnavailable, scard.ErrNoService, scard.ErrServiceStopped, scard.ErrInvalidHandle, scard.ErrNoReadersAvailable):
		code = eid.CodeNoReader
	case c.removed():
		code = eid.CodeChipRemoved
	}
	return eid.Fail(code, op, err)
}

// settle is how long pcscd may take to notice that a card has left; a transfer
// fails before that.
const settle = 600 * time.Millisecond

// removed asks whether the card has left the reader.
func (c *Card) removed() bool {
	states := []scard.ReaderState{{Reader: c.name}}
	for end := time.Now().Add(settle); ; {
		err := c.service.context.GetStatusChange(states, max(time.Until(end), 0))
		if err != nil {
			return false
		}
		if stateOf(states[0].EventState) == Empty {
			return true
		}
		if !time.Now().Before(end) {
			return false
		}
		states[0].CurrentState = states[0].EventState &^ scard.StateChanged
	}
}

func is(err error, codes ...scard.Error) bool {
	for _, c := range codes {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}
