package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
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
	log     *slog.Logger

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
		document := c.Document
		if document == "" {
			document = "citizen"
		}
		return r.insert(c.Person, document, c.Fault)
	case "remove":
		r.remove()
		return nil
	}
	return fmt.Errorf("unknown command %q: want insert or remove", c.Do)
}

// insert takes away the card that lies there, puts a new one and returns when
// the reader has powered it.
func (r *reader) insert(person int, document, fault string) error {
	chip, err := lds.Load(person, document, r.photos)
	if err != nil {
		return err
	}
	card, err := icc.New(chip, icc.Options{Fault: fault})
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
			r.log.Info("card inserted", "document", document, "fault", fault)
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
