package station

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// exceptionRecord is a finger that cannot be taken (requirements BIO-3).
type exceptionRecord struct {
	Exception eid.Exception `cbor:"exception"`
}

func (*exceptionRecord) name() recordName { return recordException }

func (r *exceptionRecord) apply(v *visit) {
	f := v.finger(r.Exception.Position)
	if f == nil {
		return // the journal is from other rules; Resume refuses it
	}
	f.samples, f.decision, f.png, f.quality = nil, nil, nil, 0
	f.exception = &r.Exception
	v.failure = ""
	v.fingersDone()
}

// ExceptFinger goes on without a position that the person cannot give, for a
// reason that the rule set knows and by the signature of a supervisor who is not
// the officer: most exceptions of enrolments elsewhere were fraud, so one person
// alone must not make them, nor by typing another's name. eid.CodeSupervisor says
// that the supervisor is unknown or is the officer.
func (d *Desk) ExceptFinger(ctx context.Context, position eid.FingerPosition, reason string, by Supervisor) error {
	const op = "except finger"
	return d.exception(ctx, op, position, func(ctx context.Context, v *visit) error {
		if !slices.Contains(v.rules.Finger.Exceptions, reason) {
			return eid.Fail(eid.CodeInput, op, errors.New("the rules know no such reason"))
		}
		if by.ID == v.officer || !slices.Contains(d.supervisors, by.ID) || d.approver == nil {
			return eid.Fail(eid.CodeSupervisor, op, nil)
		}
		x := eid.Exception{
			Kind: eid.ExceptionFinger, Position: position, Reason: reason, Supervisor: by.ID,
			At: d.now().Round(time.Millisecond).UTC(),
		}
		var err error
		if x.Approval, err = d.approver.Approve(ctx, by, v.id, x); err != nil {
			return err
		}
		return d.accept(ctx, v, &exceptionRecord{Exception: x})
	})
}

// RefuseException says on the screen that the supervisor does not allow it: the
// finger is taken after all, or the officer ends the visit with that reason.
func (d *Desk) RefuseException(ctx context.Context, position eid.FingerPosition) error {
	const op = "refuse exception"
	return d.exception(ctx, op, position, func(context.Context, *visit) error {
		return eid.Fail(eid.CodeExceptionRefused, op, nil)
	})
}

// exception runs an operation about a position that is asked for now.
func (d *Desk) exception(ctx context.Context, op string, position eid.FingerPosition, do func(context.Context, *visit) error) error {
	return d.step(ctx, call{name: op, at: []Step{StepFinger}}, func(ctx context.Context, v *visit) error {
		if f := v.finger(position); f == nil || f.done() {
			return eid.Fail(eid.CodeState, op, errors.New("this position is not asked for now"))
		}
		return do(ctx, v)
	})
}
