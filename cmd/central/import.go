package main

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/bundle"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/wire"
)

type importCommand struct {
	stores
	AcceptEmulated bool   `help:"Accept emulated devices and software device keys."`
	To             string `type:"path" help:"Folder for the answers (default: beside the bundles)."`
	Dir            string `arg:"" type:"existingdir" help:"The stick, or one bundle on it."`
}

// Run brings all bundles of a stick in by the intake's one door and writes an
// answer to each. It prints one JSON line a bundle.
func (c importCommand) Run(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	o := intake.Options{Decider: later{}, AcceptEmulated: c.AcceptEmulated, Log: log}
	if _, err := c.useKeys(&o); err != nil {
		return err
	}
	closing, err := c.use(ctx, &o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closing()) }()
	in, err := intake.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	items, err := openPublished(c.folder, log)
	if err != nil {
		return err
	}
	found, err := bundle.FindRequests(c.Dir)
	if err != nil {
		return err
	}
	x := bundle.Import{Door: door{in}, Receipt: o.Receipt, Published: items, Now: time.Now}
	var failed []error
	for _, dir := range found {
		to := c.To
		if to == "" {
			to = filepath.Dir(dir)
		}
		done, err := x.Take(ctx, dir, to)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", filepath.Base(dir), err))
			done.Codes = append(done.Codes, eid.CodeOf(err))
		}
		if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
			return fmt.Errorf("print report: %w", err)
		}
	}
	return errors.Join(failed...)
}

// later leaves decisions to the process that serves.
type later struct{}

func (later) Decide(context.Context, request.Body) (intake.Verdict, error) {
	return intake.Verdict{}, errors.New("this process does not decide")
}

// door adapts the intake to bundles.
type door struct{ in *intake.Intake }

func (d door) DeviceKeys(ctx context.Context, desk string) ([]crypto.PublicKey, error) {
	known, err := d.in.Desk(ctx, desk)
	if _, refused := intake.AsRefusal(err); refused {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return deviceKeys(known), nil
}

// deviceKeys are the keys of a desk that are not revoked.
func deviceKeys(d intake.Desk) (keys []crypto.PublicKey) {
	for _, k := range d.Devices {
		if k.Revoked.IsZero() {
			keys = append(keys, k.Public)
		}
	}
	return keys
}

func (d door) Accept(ctx context.Context, desk, id string, sealed []byte) ([]byte, bool, error) {
	known, err := d.in.Desk(ctx, desk)
	if err != nil {
		return nil, false, asProblem(err)
	}
	receipt, fresh, err := d.in.Accept(ctx, known, id, sealed)
	return receipt, fresh, asProblem(err)
}

// asProblem gives a refusal as the wire has it.
func asProblem(err error) error {
	if p, refused := intake.AsRefusal(err); refused {
		return p
	}
	return err
}

func (d door) Statements(ctx context.Context, desk, id string) ([][]byte, error) {
	return d.in.Statements(ctx, desk, id)
}

func (d door) Log(ctx context.Context, desk string, l wire.Log) (wire.LogHead, error) {
	return d.in.Log(ctx, desk, l)
}
