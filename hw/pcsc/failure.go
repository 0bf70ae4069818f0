package pcsc

import (
	"errors"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/internal/eid"
)

// failure gives pcscd's error the officer's code. card is nil when none was
// connected.
func (c *Card) failure(card *scard.Card, op string, err error) error {
	code := eid.CodeChipRead
	switch {
	case is(err, scard.ErrRemovedCard, scard.ErrNoSmartcard):
		code = eid.CodeChipRemoved
	case is(err, scard.ErrSharingViolation):
		code = eid.CodeDeviceBusy
	case is(err, scard.ErrUnknownReader, scard.ErrReaderUnavailable, scard.ErrNoService, scard.ErrServiceStopped, scard.ErrInvalidHandle, scard.ErrNoReadersAvailable):
		code = eid.CodeNoReader
	case c.removed(card):
		code = eid.CodeChipRemoved
	}
	return eid.Fail(code, op, err)
}

// settle is how long pcscd may take to notice that a card has left; a transfer
// fails before that. The officer must know within 500 ms.
const settle = 400 * time.Millisecond

// removed asks whether the card has left the reader. Connecting again tells at
// once where the reader is empty; a card that takes the connection was lost for
// a moment only if the reader counted that.
func (c *Card) removed(card *scard.Card) bool {
	if card != nil {
		share := scard.ShareExclusive
		if c.tuning.Share == "shared" {
			share = scard.ShareShared
		}
		err := card.Reconnect(share, scard.ProtocolAny, scard.ResetCard)
		if is(err, scard.ErrRemovedCard, scard.ErrNoSmartcard) {
			return true
		}
		if err == nil {
			now, ok := c.count()
			return ok && now != c.events
		}
	}
	states := []scard.ReaderState{{Reader: c.reader.Name}}
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

// count is pcsc-lite's number of insertions and removals on the reader, which
// stands in the upper 16 bits of its state.
func (c *Card) count() (scard.StateFlag, bool) {
	states := []scard.ReaderState{{Reader: c.reader.Name}}
	if err := c.service.context.GetStatusChange(states, 0); err != nil {
		return 0, false
	}
	return states[0].EventState >> 16, true
}

func is(err error, codes ...scard.Error) bool {
	for _, c := range codes {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}
