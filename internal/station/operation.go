package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// operation is one call that may change the visit. There is one at a time, so
// its code reads the visit without a lock.
type operation struct {
	busy   string // what the screen calls it: chip, face, finger, send; "" for a brief one
	cancel context.CancelFunc
	done   chan struct{}
}

// begin makes the call the running operation, or fails with eid.CodeDeviceBusy.
// The context ends with the caller's or when the visit is abandoned.
func (d *Desk) begin(ctx context.Context, name, busy string) (context.Context, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.op != nil {
		return nil, eid.Fail(eid.CodeDeviceBusy, name, nil)
	}
	ctx, cancel := context.WithCancel(ctx)
	d.op = &operation{busy: busy, cancel: cancel, done: make(chan struct{})}
	return ctx, nil
}

func (d *Desk) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	op := d.op
	d.op = nil
	op.cancel()
	close(op.done)
	if op.busy != "" {
		d.publishLocked()
	}
}

// call describes an operation on the open visit.
type call struct {
	name    string // for errors
	busy    string // as in operation
	attempt string // key under which failures of the person are counted; "" if they are not
	at      []Step // where the visit must stand
}

// step runs one operation of the open visit. A failure is shown on the visit and
// leaves the step open.
func (d *Desk) step(ctx context.Context, c call, do func(ctx context.Context, v *visit) error) error {
	ctx, err := d.begin(ctx, c.name, c.busy)
	if err != nil {
		return err
	}
	defer d.end()
	v := d.visit
	if v == nil || !slices.Contains(c.at, v.step) {
		return eid.Fail(eid.CodeState, c.name, nil)
	}
	d.show(func() { v.failure = "" })
	err = do(ctx, v)
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		// Abandoned, or the caller went away: no fault of a device or a person.
		return fmt.Errorf("%s: %w", c.name, context.Canceled)
	}
	d.fail(ctx, v, c.attempt, eid.CodeOf(err))
	return err
}

// personal are the failures that count as the person's attempts in the request;
// all others are the desk's own. Only the limits of the rule set end a visit.
var personal = []eid.Code{
	eid.CodeChipAccess, eid.CodeMRZCheck, eid.CodeChipMismatch, eid.CodeDocumentKind,
	eid.CodeNoFace, eid.CodeManyFaces, eid.CodeQualityFace, eid.CodeQualityFinger,
}

// fail shows a failure. One of the person's is counted in the journal too; a
// count that cannot be written is no reason to hide the failure.
func (d *Desk) fail(ctx context.Context, v *visit, attempt string, code eid.Code) {
	if attempt != "" && v.open() && slices.Contains(personal, code) {
		err := d.accept(ctx, v, &failedRecord{Attempt: attempt, Code: code})
		if err != nil {
			d.log.Warn("failed attempt is not in the journal", "visit", v.id, "code", code, "error", err)
		}
	}
	d.show(func() {
		if v.open() {
			v.failure = code
		}
	})
}

// failedRecord counts an attempt that led to nothing and has no limit.
type failedRecord struct {
	Attempt string   `cbor:"attempt"`
	Code    eid.Code `cbor:"code"`
}

func (*failedRecord) name() recordName { return recordFailed }

func (r *failedRecord) apply(v *visit) {
	v.attempts[r.Attempt]++
	v.failure = r.Code
}

// since returns the machine's time of an operation that began at start, without
// what was spent waiting for the person.
func (d *Desk) since(start time.Time, waited time.Duration) time.Duration {
	return max(d.now().Sub(start)-waited, 0)
}
