package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/vpcd"
)

// pcscd looks at its readers every 400 ms. A card that is replaced between two
// looks is not seen as a new one and never powered: after a removal the reader
// stays empty for emptyTime, and a card that was not powered within seenTime is
// taken away and put again.
const (
	emptyTime = 600 * time.Millisecond
	seenTime  = 1500 * time.Millisecond
	putTries  = 3
)

// reader is the virtual reader as the person sees it: at most one card lies on it.
type reader struct {
	ctx     context.Context
	address string
	photos  string
	// portrait is a file in place of the persons' photographs, or "".
	portrait string
	usual    control.Command // the card that the emulator was started with
	log      *slog.Logger

	mu      sync.Mutex         // control connections act one after another
	card    context.CancelFunc // nil when no card lies there
	ended   chan struct{}
	removed time.Time
}

func (r *reader) handle(c control.Command) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch c.Do {
	case "insert":
		return r.insert(c)
	case "remove":
		r.remove()
		return nil
	}
	return fmt.Errorf("unknown command %q: want insert or remove", c.Do)
}

// make makes the card that c asks for; what c leaves open is as the emulator was
// started.
func (r *reader) make(c control.Command) (*icc.Card, error) {
	u := r.usual
	if c.Personality != "" { // another kind of card: none of the usual options
		u = control.Command{}
	}
	spec := lds.Spec{
		Personality: cmp.Or(c.Personality, u.Personality), Document: cmp.Or(c.Document, u.Document),
		Curve: cmp.Or(c.Curve, u.Curve), Cipher: cmp.Or(c.Cipher, u.Cipher), Signature: cmp.Or(c.Signature, u.Signature),
		PadDG2: cmp.Or(c.PadDG2, u.PadDG2),
	}
	chip, err := r.load(c.Person, spec)
	if err != nil {
		return nil, err
	}
	return icc.New(chip, icc.Options{
		Fault: c.Fault, MaxResponse: cmp.Or(c.MaxResponse, r.usual.MaxResponse), Sleep: r.sleep,
	})
}

func (r *reader) load(person int, spec lds.Spec) (*lds.Chip, error) {
	if r.portrait == "" {
		return lds.LoadSpec(person, r.photos, spec)
	}
	p, err := persons.Get(person)
	if err != nil {
		return nil, err
	}
	portrait, err := os.ReadFile(r.portrait)
	if err != nil {
		return nil, fmt.Errorf("read portrait: %w", err)
	}
	return lds.Make(p, portrait, spec)
}

// sleep is how a slow card waits: not longer than the reader lives.
func (r *reader) sleep(d time.Duration) {
	select {
	case <-r.ctx.Done():
	case <-time.After(d):
	}
}

// insert takes away the card that lies there, puts a new one and returns when
// the reader has powered it.
func (r *reader) insert(c control.Command) error {
	card, err := r.make(c)
	if err != nil {
		return err
	}
	for range putTries {
		r.remove()
		select {
		case <-r.ctx.Done():
			return fmt.Errorf("insert card: %w", r.ctx.Err())
		case <-time.After(time.Until(r.removed.Add(emptyTime))):
		}
		if err = r.put(card); err == nil {
			r.log.Info("card inserted", "personality", c.Personality, "document", c.Document, "fault", c.Fault)
			return nil
		}
	}
	r.remove()
	return err
}

// put lays card on the empty reader and returns when it was powered.
func (r *reader) put(card *icc.Card) error {
	ctx, cancel := context.WithCancel(r.ctx)
	powered, ended := make(chan struct{}), make(chan struct{})
	r.card, r.ended = cancel, ended
	var failure error // written before ended is closed
	go func() {
		defer close(ended)
		failure = vpcd.Insert(ctx, r.address, card, sync.OnceFunc(func() { close(powered) }))
		if failure != nil {
			r.log.Warn("card failed", "error", failure)
		}
	}()
	select {
	case <-powered:
		return nil
	case <-ended:
		return errors.Join(errors.New("insert card: the reader went away"), failure)
	case <-time.After(seenTime):
		return errors.New("insert card: the reader did not power it")
	}
}

// remove takes the card away, if there is one.
func (r *reader) remove() {
	if r.card == nil {
		return
	}
	r.card()
	<-r.ended
	r.card, r.removed = nil, time.Now()
}
