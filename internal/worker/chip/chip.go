// Package chip is the chip worker's room: it serves reading a document and
// watching card readers (in the worker process, beside libpcsclite), and is their
// typed client (in the daemon).
package chip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/trust"
)

const (
	methodRead    = "read"
	methodInspect = "inspect"
	methodReaders = "readers"
	methodWatch   = "watch"
)

// card is a card that this worker holds, and what its reader takes.
type card struct {
	apdu.Transmitter
	reader string
	maxLe  int
	ladder []int
	master string // the profile's word on selecting the master file
	pace   bool   // the reader asks for waiting time extensions
	close  func()
}

// readers is a transport: what it shows and the way to a card on it.
type readers interface {
	// open waits some seconds for a card and takes it.
	open(ctx context.Context) (*card, error)
	// look returns the readers at once; one that cannot be reached is an
	// *eid.Error with eid.CodeNoReader.
	look(ctx context.Context) ([]Reader, error)
	// watch calls changed when look has something new to say, until ctx ends.
	watch(ctx context.Context, changed func() error) error
	close() error
}

// Handlers returns what the worker process serves. Nothing is opened before the
// first call, so that a desk without a reader has a worker that can say so.
func Handlers(cfg config.Config, log *slog.Logger) (map[string]worker.Handler, func() error, error) {
	profiles, err := profile.Load(cfg.Desk.Profiles(), profile.DropIn)
	if err != nil {
		return nil, nil, err
	}
	r := &room{cfg: cfg, log: log, anchors: trust.NewFolder(cfg.Chip.Trust, cfg.Desk.Production)}
	if cfg.Chip.Transport == config.PN532 {
		r.readers, err = newModule(cfg, profiles, log)
	} else {
		r.readers, err = newPCSC(cfg, profiles, log)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("prepare card reader: %w", err)
	}
	return map[string]worker.Handler{
		methodRead:    r.read,
		methodInspect: r.inspect,
		methodReaders: r.list,
		methodWatch:   r.watch,
	}, r.readers.close, nil
}

type room struct {
	cfg     config.Config
	log     *slog.Logger
	anchors *trust.Folder
	readers readers

	reading sync.Mutex // one card at a time
}

// take opens the card; the second of two readings at the same time is told so.
func (r *room) take(ctx context.Context) (*card, func(), error) {
	if !r.reading.TryLock() {
		return nil, nil, eid.Fail(eid.CodeDeviceBusy, "open card", errors.New("another reading is under way"))
	}
	c, err := r.readers.open(ctx)
	if err != nil {
		r.reading.Unlock()
		return nil, nil, err
	}
	if !c.pace {
		r.log.Warn("reader asks for no waiting time extensions: not for PACE", "reader", c.reader)
	}
	return c, func() { c.close(); r.reading.Unlock() }, nil
}

func (r *room) list(ctx context.Context, _ cbor.RawMessage, _ func(any) error) (any, error) {
	return r.readers.look(ctx)
}

// watch emits an empty message with every change.
func (r *room) watch(ctx context.Context, _ cbor.RawMessage, emit func(any) error) (any, error) {
	return nil, r.readers.watch(ctx, func() error { return emit(nil) })
}
