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

// seenTime is how long pcscd may take to power a card that was inserted; it
// looks every 400 ms.
const seenTime = 3 * time.Second

// reader is the virtual reader as the person sees it: at most one card lies on it.
type reader struct {
	ctx     context.Context
	address string
	photos  string
	log     *slog.Logger

	mu    sync.Mutex // control connections act one after another
	card  context.CancelFunc
	ended chan struct{}
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
	r.remove()
	ctx, cancel := context.WithCancel(r.ctx)
	powered, ended := make(chan struct{}), make(chan struct{})
	r.card, r.ended = cancel, ended
	var failure error // written before ended is closed
	go func() {
		defer close(ended)
		if failure = vpcd.Insert(ctx, r.address, card, sync.OnceFunc(func() { close(powered) })); failure != nil {
			r.log.Warn("card failed", "error", failure)
		}
	}()
	select {
	case <-powered:
		r.log.Info("card inserted", "document", document, "fault", fault)
		return nil
	case <-ended:
		return errors.Join(errors.New("insert card: the reader went away"), failure)
	case <-time.After(seenTime):
		r.remove()
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
	r.card = nil
}
