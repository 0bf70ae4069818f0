package pcsc

import (
	"context"
	"slices"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/profile"
)

// Status is what pcscd shows of the desk's readers.
type Status struct {
	Service bool // pcscd answers
	Readers []Reader
}

const (
	// look bounds one wait for events, after which the readers are listed again:
	// pcsc-lite wakes nobody for a reader that is not on the list yet.
	look = 500 * time.Millisecond
	// pace keeps a reader that flickers from keeping a processor.
	pace = 20 * time.Millisecond
)

// Watch tells changed of the readers and their cards, at once and after every
// change, until ctx ends. It needs a service of its own. A removal shorter than
// the reader's profile allows is not told. pcscd may end and come back.
func (s *Service) Watch(ctx context.Context, changed func(Status)) {
	var states []scard.ReaderState
	var last Status
	told := false
	empty := map[string]time.Time{} // slots whose card may be gone, since when
	backoff := backoffMin
	wait := time.Duration(0)
	for ctx.Err() == nil {
		var err error
		if states, err = s.list(states); err == nil {
			// Waiting ends with ctx; pcscd forgets the request.
			pcscd := s.context
			stop := context.AfterFunc(ctx, func() { _ = pcscd.Cancel() })
			err = s.change(states, wait)
			stop()
		}
		if err == nil {
			err = s.now(states)
		}
		now := Status{Service: s.context != nil}
		pause := pace
		if err != nil {
			states, wait = nil, 0
			pause = backoff
			backoff = min(2*backoff, look)
			clear(empty)
		} else {
			backoff = backoffMin
			now.Readers, wait = s.settled(states, last, empty)
		}
		if !told || !now.equal(last) {
			changed(now)
			last, told = now, true
		}
		if sleep(ctx, pause) != nil {
			return
		}
	}
}

// now takes the states as they are. Waiting does not bring all: that a program
// takes a card for itself is no event of pcsc-lite.
func (s *Service) now(states []scard.ReaderState) error {
	for i := range states {
		states[i].CurrentState = scard.StateUnaware
	}
	return s.change(states, 0)
}

// settled turns states into readers. A card that was there and is not counts as
// there for the debounce time; wait is how long the next look may take.
func (s *Service) settled(states []scard.ReaderState, last Status, empty map[string]time.Time) (out []Reader, wait time.Duration) {
	wait = look
	for _, st := range states {
		owner, tuning := s.claim(profile.Device{Name: st.Reader})
		r := Reader{Name: st.Reader, Profile: owner, State: stateOf(st.CurrentState), ATR: st.Atr}
		at := slices.IndexFunc(last.Readers, func(l Reader) bool { return l.Name == r.Name })
		if r.State != Empty || at < 0 || last.Readers[at].State == Empty {
			delete(empty, r.Name)
			out = append(out, r)
			continue
		}
		since, known := empty[r.Name]
		if !known {
			since = time.Now()
			empty[r.Name] = since
		}
		if left := time.Duration(tuning.DebounceMS)*time.Millisecond - time.Since(since); left > 0 {
			r, wait = last.Readers[at], min(wait, left)
		} else {
			delete(empty, r.Name)
		}
		out = append(out, r)
	}
	return out, wait
}

func (a Status) equal(b Status) bool {
	return a.Service == b.Service && slices.EqualFunc(a.Readers, b.Readers, func(x, y Reader) bool {
		return x.Name == y.Name && x.State == y.State && slices.Equal(x.ATR, y.ATR)
	})
}
