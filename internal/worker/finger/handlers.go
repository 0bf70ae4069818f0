package finger

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker"
)

// Handlers serves the scanner that cfg names. The port is opened at the first
// use, so that a scanner plugged in later, or again, is found. close ends the
// goroutine that owns the port and returns when it has ended.
func Handlers(cfg config.Config, log *slog.Logger) (map[string]worker.Handler, func() error, error) {
	set, err := profile.Load(cfg.Desk.Profiles(), profile.DropIn)
	if err != nil {
		return nil, nil, err
	}
	r := &room{owner: newOwner(cfg.Scanner, set, log), engine: newEngine(), origin: cfg.Scanner.Origin}
	handlers := map[string]worker.Handler{
		methodCapture: r.capture,
		methodCompare: r.compare,
		methodInfo:    r.info,
	}
	return handlers, r.owner.close, nil
}

type room struct {
	owner  *owner
	engine *engine
	origin eid.Origin
}

func (r *room) capture(ctx context.Context, in cbor.RawMessage, emit func(any) error) (any, error) {
	const op = "capture finger"
	var call captureCall
	if err := cbor.Unmarshal(in, &call); err != nil {
		return nil, eid.Fail(eid.CodeInternal, op, err)
	}
	if call.Position < eid.RightThumb || call.Position > eid.LeftLittle {
		return nil, eid.Fail(eid.CodeInput, op, fmt.Errorf("finger position %d: want 1 to 10", call.Position))
	}
	var sample eid.FingerSample
	err := r.owner.do(ctx, func(ctx context.Context, s scanner) (err error) {
		sample, err = s.Capture(ctx, func(code string) error { return emit(prompt{Code: code}) })
		return err
	})
	if err != nil {
		return nil, err
	}
	sample.Position, sample.Origin = call.Position, r.origin
	if err = r.engine.grade(&sample); err != nil {
		return nil, err
	}
	return captured{Sample: sample, Waited: sample.Waited}, nil
}

func (r *room) compare(_ context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	var call compareCall
	if err := cbor.Unmarshal(in, &call); err != nil {
		return nil, eid.Fail(eid.CodeInternal, "compare fingers", err)
	}
	return r.engine.compare(call.A, call.B)
}

func (r *room) info(ctx context.Context, _ cbor.RawMessage, _ func(any) error) (any, error) {
	return r.owner.info(ctx), nil
}
