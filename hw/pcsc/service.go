// Package pcsc reaches smart card readers through pcscd (PC/SC workgroup parts
// 5 and 10; Debian's pcsc-lite 1.9). It hides what goes wrong there: a daemon
// that restarts, readers that come and go, cards that are pulled.
package pcsc

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/profile"
)

// Service is a connection to pcscd. One goroutine owns it.
type Service struct {
	context  *scard.Context // nil while pcscd is away
	cards    sync.WaitGroup
	profiles *profile.Set
	log      *slog.Logger
}

// socketVariable names pcscd's socket to libpcsclite, which reads it once in a
// process's life: a process reaches one pcscd.
const socketVariable = "PCSCLITE_CSOCK_NAME"

// New prepares a connection to the pcscd behind socket; empty means the
// system's, or what the environment names. pcscd need not run yet. profiles tell
// how each reader is to be used.
func New(socket string, profiles *profile.Set, log *slog.Logger) (*Service, error) {
	if socket != "" {
		if err := os.Setenv(socketVariable, socket); err != nil {
			return nil, fmt.Errorf("name pcscd's socket: %w", err)
		}
	}
	return &Service{profiles: profiles, log: log}, nil
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
