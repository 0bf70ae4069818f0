package station

import (
	"context"
	"slices"

	"github.com/enrold/enrold/internal/eid"
)

// closedRecord ends a visit by the officer's will. It is written before the
// journal is cleared, so that a crash in between does not open the visit again.
type closedRecord struct {
	End  Step     `cbor:"end"`
	Code eid.Code `cbor:"code"`
}

func (*closedRecord) name() recordName { return recordClosed }

func (r *closedRecord) apply(v *visit) {
	end := StepAbandon
	if r.End == StepRefused {
		end = StepRefused
	}
	v.close(end, r.Code)
}

// refuse ends the visit with the failed check that r records. It returns the
// refusal as the error of the step that found it.
func (d *Desk) refuse(ctx context.Context, v *visit, r record, code eid.Code) error {
	d.acceptAnyway(ctx, v, r)
	d.finish(ctx, v)
	return eid.Fail(code, "check person", nil)
}

// countFailure records a failed comparison; when it was the last that the rule
// set allows, r has ended the visit.
func (d *Desk) countFailure(ctx context.Context, v *visit, r record, code eid.Code, op string) error {
	d.acceptAnyway(ctx, v, r)
	if !v.open() {
		d.finish(ctx, v)
	}
	return eid.Fail(code, op, nil)
}

// acceptAnyway applies r even if the journal refuses it: a failed check must
// not be undone by a failing disk.
func (d *Desk) acceptAnyway(ctx context.Context, v *visit, r record) {
	if err := d.accept(ctx, v, r); err != nil {
		d.log.Error("failed check is not in the journal", "visit", v.id, "record", r.name(), "error", err)
		d.show(func() { v.take(r) })
	}
}

// finish clears the journal of an ended visit and reports its outcome.
func (d *Desk) finish(ctx context.Context, v *visit) {
	d.uncut = v.id
	if err := d.clearRest(ctx); err != nil {
		d.log.Error("journal of an ended visit is not cleared", "visit", v.id, "error", err)
	}
	d.ended(v.outcome(d.now()))
}

// clearRest clears what an ended visit left in the journal.
func (d *Desk) clearRest(ctx context.Context) error {
	if d.uncut == "" {
		return nil
	}
	if err := d.ports.Journal.Clear(context.WithoutCancel(ctx), d.uncut); err != nil {
		return err
	}
	d.uncut = ""
	return nil
}

// refusable are the failed checks of a person or a document on which an officer
// may end a visit before the attempts are used up.
var refusable = []eid.Code{
	eid.CodeChipAccess, eid.CodeChipBlocked, eid.CodeChipRead, eid.CodeChipMismatch, eid.CodeMRZCheck, eid.CodeDocumentKind,
	eid.CodeFaceMismatch, eid.CodeQualityFace, eid.CodeFingerMismatch, eid.CodeFingerTwice, eid.CodeQualityFinger, eid.CodeExceptionRefused,
	eid.CodeGuardian, eid.CodeNoResidenceCard, eid.CodeContactMissing, eid.CodePhoneFormat, eid.CodeConsentMissing,
}

// Refuse ends the visit with the failed check that is on the screen, or because
// the officer sees another person where the comparison was in doubt. Without
// either, or after a fault of a device, it is refused with eid.CodeState.
func (d *Desk) Refuse(ctx context.Context) error {
	return d.finishOpen(ctx, "refuse visit", func(v *visit) (*closedRecord, error) {
		if v.undecided() {
			return &closedRecord{End: StepRefused, Code: eid.CodeFaceMismatch}, nil
		}
		if !slices.Contains(refusable, v.failure) {
			return nil, eid.Fail(eid.CodeState, "refuse visit", nil)
		}
		return &closedRecord{End: StepRefused, Code: v.failure}, nil
	})
}

// Abandon ends the visit without a result; a running operation is cancelled and
// waited for. It fails with eid.CodeState when the request is queued already:
// then the visit is done.
func (d *Desk) Abandon(ctx context.Context) error {
	if err := d.cancelRunning(ctx); err != nil {
		return err
	}
	return d.finishOpen(ctx, "abandon visit", func(*visit) (*closedRecord, error) {
		return &closedRecord{End: StepAbandon}, nil
	})
}

func (d *Desk) cancelRunning(ctx context.Context) error {
	for {
		d.mu.Lock()
		op := d.op
		d.mu.Unlock()
		if op == nil {
			return nil
		}
		op.cancel()
		select {
		case <-op.done:
		case <-ctx.Done():
			return eid.Fail(eid.CodeDeviceBusy, "abandon visit", ctx.Err())
		}
	}
}

// finishOpen ends the open visit, unless its request is in the queue.
func (d *Desk) finishOpen(ctx context.Context, op string, why func(v *visit) (*closedRecord, error)) error {
	ctx, err := d.begin(ctx, op, "")
	if err != nil {
		return err
	}
	defer d.end()
	v := d.visit
	if v == nil || !v.open() {
		return eid.Fail(eid.CodeState, op, nil)
	}
	r, err := why(v)
	if err != nil {
		return err
	}
	if d.unknown {
		done, err := d.askQueue(ctx, v)
		if err != nil {
			return err
		}
		if done {
			return eid.Fail(eid.CodeState, op, nil)
		}
	}
	d.acceptAnyway(ctx, v, r)
	d.finish(ctx, v)
	return nil
}
