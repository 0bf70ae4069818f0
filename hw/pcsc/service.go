// Package pcsc reaches smart card readers through pcscd (PC/SC workgroup parts
// 5 and 10; Debian's pcsc-lite 1.9). It hides what goes wrong there: a daemon
// that restarts, readers that come and go, cards that are pulled.
package pcsc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/internal/eid"
)

// Service is a connection to pcscd. One goroutine owns it.
type Service struct {
	context *scard.Context // nil while pcscd is away
	cards   sync.WaitGroup
}

// socketVariable names pcscd's socket to libpcsclite, which reads it once in a
// process's life: a process reaches one pcscd.
const socketVariable = "PCSCLITE_CSOCK_NAME"

// New prepares a connection to the pcscd behind socket; empty means the
// system's. pcscd need not run yet.
func New(socket string) (*Service, error) {
	if socket != "" {
		if err := os.Setenv(socketVariable, socket); err != nil {
			return nil, fmt.Errorf("name pcscd's socket: %w", err)
		}
	}
	return &Service{}, nil
}

// Close joins the cards' goroutines and leaves pcscd.
func (s *Service) Close() error {
	s.cards.Wait()
	return s.release()
}

func (s *Service) release() error {
	if s.context == nil {
		return nil
	}
	err := s.context.Release()
	s.context = nil
	if err != nil && !lost(err) {
		return fmt.Errorf("release pcscd context: %w", err)
	}
	return nil
}

// establish connects to pcscd if that is not done.
func (s *Service) establish() error {
	if s.context != nil {
		return nil
	}
	c, err := scard.EstablishContext()
	if err != nil {
		return fmt.Errorf("reach pcscd: %w", err)
	}
	s.context = c
	return nil
}

// lost tells the errors after which a context never works again: pcscd ended.
func lost(err error) bool {
	for _, e := range []scard.Error{scard.ErrNoService, scard.ErrServiceStopped, scard.ErrInvalidHandle, scard.ErrCommError, scard.ErrShutdown, scard.ErrInternalError} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// CardState is what lies on a reader.
type CardState string

const (
	Empty   CardState = "empty"
	Present CardState = "card"
	InUse   CardState = "in_use" // another program holds the card for itself
	Mute    CardState = "mute"   // a card that does not answer
	Gone    CardState = "gone"   // the reader does not answer
)

// Reader is a slot of a reader, as pcscd names it.
type Reader struct {
	Name  string
	State CardState
	ATR   []byte // of the card, if there is one
}

// Readers lists the readers with their cards. No pcscd and no reader are both
// an *eid.Error with eid.CodeNoReader.
func (s *Service) Readers(context.Context) ([]Reader, error) {
	states, err := s.list(nil)
	if err == nil {
		err = s.change(states, 0)
	}
	if err != nil {
		return nil, eid.Fail(eid.CodeNoReader, "list card readers", err)
	}
	out := make([]Reader, len(states))
	for i, st := range states {
		out[i] = Reader{Name: st.Reader, State: stateOf(st.EventState), ATR: st.Atr}
	}
	return out, nil
}

// list returns the states to wait on: those known go on from where they were,
// so that a card that was pulled and put back in between counts as an event
// (pcsc-lite counts events in the upper 16 bits of the state).
func (s *Service) list(known []scard.ReaderState) ([]scard.ReaderState, error) {
	if err := s.establish(); err != nil {
		return nil, err
	}
	names, err := s.context.ListReaders()
	if err != nil {
		return nil, s.failed(err)
	}
	if len(names) == 0 {
		return nil, scard.ErrNoReadersAvailable
	}
	states := make([]scard.ReaderState, len(names))
	for i, n := range names {
		states[i] = scard.ReaderState{Reader: n, CurrentState: scard.StateUnaware}
		for _, k := range known {
			if k.Reader == n {
				states[i] = k
			}
		}
	}
	return states, nil
}

// change waits until a state differs from what is known, at most for wait.
func (s *Service) change(states []scard.ReaderState, wait time.Duration) error {
	err := s.context.GetStatusChange(states, wait)
	if err != nil && !errors.Is(err, scard.ErrTimeout) {
		return s.failed(err)
	}
	for i := range states {
		if err == nil {
			states[i].CurrentState = states[i].EventState &^ scard.StateChanged
		}
	}
	return nil
}

// failed gives up the context where it can no longer work.
func (s *Service) failed(err error) error {
	if lost(err) {
		_ = s.release() // of a daemon that is gone
	}
	return err
}

func stateOf(f scard.StateFlag) CardState {
	switch {
	case f&(scard.StateUnknown|scard.StateUnavailable|scard.StateIgnore) != 0:
		return Gone
	case f&scard.StatePresent == 0:
		return Empty
	case f&scard.StateMute != 0:
		return Mute
	case f&scard.StateExclusive != 0:
		return InUse
	}
	return Present
}

// matches picks the slots that may hold a document. Without a name asked for,
// slots of security modules are passed over.
func matches(name, part string) bool {
	if part == "" {
		return !strings.Contains(name, "SAM")
	}
	return strings.Contains(strings.ToLower(name), strings.ToLower(part))
}

// contactless says whether a slot's name is that of the contactless side of a
// reader with several slots, which goes first.
func contactless(name string) bool {
	n := strings.ToUpper(name)
	return strings.Contains(n, "PICC") || strings.Contains(n, "CONTACTLESS") || strings.Contains(n, " CL ") || strings.HasSuffix(n, " CL")
}
