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
// reason that the rule set knows and on the word of a supervisor who is not the
// officer: most exceptions of enrolments elsewhere were fraud, so one person
// alone must not make them. eid.CodeSupervisor says that the supervisor is
// unknown or is the officer.
func (d *Desk) ExceptFinger(ctx context.Context, position eid.FingerPosition, reason, supervisor string) error {
	const op = "except finger"
	c := call{name: op, at: []Step{StepFinger}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		f := v.finger(position)
		if f == nil || f.done() {
			return eid.Fail(eid.CodeState, op, errors.New("this position is not asked for now"))
		}
		if !slices.Contains(v.rules.Finger.Exceptions, reason) {
			return eid.Fail(eid.CodeInput, op, errors.New("the rules know no such reason"))
		}
		if supervisor == v.officer || !slices.Contains(d.supervisors, supervisor) {
			return eid.Fail(eid.CodeSupervisor, op, nil)
		}
		return d.accept(ctx, v, &exceptionRecord{Exception: eid.Exception{
			Kind: eid.ExceptionFinger, Position: position, Reason: reason, Supervisor: supervisor,
			At: d.now().Round(time.Millisecond).UTC(),
		}})
	})
}
