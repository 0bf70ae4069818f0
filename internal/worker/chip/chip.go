// Package chip is the chip worker's room: it serves reading a document and
// listing card readers (in the worker process, beside libpcsclite), and is their
// typed client (in the daemon).
package chip

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/hw/pcsc"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/trust"
)

const (
	methodRead    = "read"
	methodReaders = "readers"
)

// readParams is the argument of "read".
type readParams struct {
	Key eid.AccessKey `cbor:"key"`
}

// progress is a message of "read": the share done, 0 to 1, and the file.
type progress struct {
	Share float64 `cbor:"share"`
	File  string  `cbor:"file"`
}

// Reader is a card reader as `enrold devices` lists it.
type Reader struct {
	Name  string `json:"name" cbor:"name"`
	State string `json:"state" cbor:"state"` // empty, card, in_use, mute, gone
	ATR   []byte `json:"atr,omitempty" cbor:"atr,omitempty"`
}

// patience is how long an officer's click waits for a reader and for a card.
var patience = pcsc.Patience{Reader: 3 * time.Second, Card: 10 * time.Second}

// Handlers returns what the worker process serves. Nothing is opened before the
// first call, so that a desk without a reader has a worker that can say so.
func Handlers(cfg config.Config, log *slog.Logger) (map[string]worker.Handler, func() error, error) {
	r := &room{cfg: cfg, log: log, anchors: trust.NewFolder(cfg.Chip.Trust, cfg.Desk.Production)}
	return map[string]worker.Handler{
		methodRead:    r.read,
		methodReaders: r.readers,
	}, func() error { return nil }, nil
}

type room struct {
	cfg     config.Config
	log     *slog.Logger
	anchors *trust.Folder
}

func (r *room) read(ctx context.Context, in cbor.RawMessage, emit func(any) error) (any, error) {
	var params readParams
	if err := cbor.Unmarshal(in, &params); err != nil {
		return nil, eid.Fail(eid.CodeInput, "read chip", err)
	}
	// Asked for every reading: the folder may have been updated.
	store, err := r.anchors.Load()
	if err != nil {
		return nil, eid.Fail(eid.CodeTrust, "load trust anchors", err)
	}
	service, err := pcsc.New(r.cfg.Chip.Socket)
	if err != nil {
		return nil, err
	}
	defer r.close(service)
	card, err := service.Open(ctx, r.cfg.Chip.Reader, patience)
	if err != nil {
		return nil, err
	}
	defer card.Close()
	start := time.Now()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	document, err := reader.Read(ctx, card, params.Key, reader.Options{
		Trust: store, Origin: r.cfg.Chip.Origin, Reader: card.Reader(), MaxLe: card.MaxLe(),
		Progress: func(share float64, file string) {
			if err := emit(progress{share, file}); err != nil {
				stop(fmt.Errorf("send progress: %w", err))
			}
		},
	})
	r.log.Info("chip read", "ok", err == nil, "access", document.Access, "pa", document.PA.State, "apdus", document.APDUs,
		"bytes", document.Bytes, "duration_ms", time.Since(start).Milliseconds())
	if err != nil {
		return nil, err
	}
	return document, nil
}

func (r *room) readers(ctx context.Context, _ cbor.RawMessage, _ func(any) error) (any, error) {
	service, err := pcsc.New(r.cfg.Chip.Socket)
	if err != nil {
		return nil, err
	}
	defer r.close(service)
	found, err := service.Readers(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Reader, len(found))
	for i, f := range found {
		out[i] = Reader{Name: f.Name, State: string(f.State), ATR: f.ATR}
	}
	return out, nil
}

func (r *room) close(s *pcsc.Service) {
	if err := s.Close(); err != nil {
		r.log.Warn("pcscd is not left in order", "error", err)
	}
}
