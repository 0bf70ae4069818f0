package pcsc

import (
	"context"
	"errors"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/internal/eid"
)

// Patience is how long WaitCard waits.
type Patience struct {
	Reader time.Duration // for pcscd and a reader, once there is none
	Card   time.Duration // for a card, in all
}

const (
	// slice bounds one wait inside pcscd, which a context cannot end. Events end it at once.
	slice      = 200 * time.Millisecond
	backoffMin = 50 * time.Millisecond
	backoffMax = time.Second
)

// WaitCard waits for a card on a reader whose name holds part (empty: any). It
// lists the readers again after every event, and when pcscd ends it leaves,
// backs off and connects again. Errors are *eid.Error with eid.CodeNoReader,
// eid.CodeNoCard, eid.CodeDeviceBusy (another program holds the card) or
// eid.CodeChipRead (the card does not answer), or the context's.
func (s *Service) WaitCard(ctx context.Context, part string, p Patience) (Reader, error) {
	var states []scard.ReaderState
	end := time.Now().Add(p.Card)
	readerSeen := time.Now()
	backoff := backoffMin
	for {
		var err error
		if states, err = s.list(states); err == nil {
			states = s.candidates(states, part)
			if len(states) == 0 {
				err = errors.New("no reader of the configured name")
			}
		}
		if err == nil {
			err = s.change(states, min(slice, max(time.Until(end), 0)))
		}
		if err != nil {
			if time.Since(readerSeen) >= p.Reader {
				return Reader{}, eid.Fail(eid.CodeNoReader, "wait for card", err)
			}
			if err := sleep(ctx, backoff); err != nil {
				return Reader{}, err
			}
			backoff = min(2*backoff, backoffMax)
			states = nil
			continue
		}
		readerSeen, backoff = time.Now(), backoffMin
		if r, ok := s.pick(states); ok {
			return r, nil
		}
		if err := ctx.Err(); err != nil {
			return Reader{}, err
		}
		if time.Now().After(end) {
			return Reader{}, eid.Fail(why(states), "wait for card", nil)
		}
	}
}

// Open waits for a card and takes it. A card that was pulled a moment ago still
// shows as present until pcscd asks the reader again: such a one is waited out.
func (s *Service) Open(ctx context.Context, part string, p Patience) (*Card, error) {
	for end := time.Now().Add(p.Card); ; {
		r, err := s.WaitCard(ctx, part, Patience{Reader: p.Reader, Card: max(time.Until(end), 0)})
		if err != nil {
			return nil, err
		}
		c, err := s.Connect(ctx, r)
		if err == nil {
			return c, nil
		}
		if eid.CodeOf(err) != eid.CodeChipRemoved || time.Now().After(end) {
			return nil, err
		}
		if err := sleep(ctx, backoffMin); err != nil {
			return nil, err
		}
	}
}

// why explains that no slot has a usable card.
func why(states []scard.ReaderState) eid.Code {
	code := eid.CodeNoCard
	for _, st := range states {
		switch stateOf(st.CurrentState) {
		case InUse:
			return eid.CodeDeviceBusy
		case Mute:
			code = eid.CodeChipRead
		}
	}
	return code
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
