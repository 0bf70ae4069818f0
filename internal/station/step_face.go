package station

import (
	"context"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// faceRecord is a comparison of live frames with the chip's portrait that passed.
type faceRecord struct {
	Portraits []eid.FaceSample `cbor:"portraits"`
	Decision  eid.FaceDecision `cbor:"decision"`
	Spent     time.Duration    `cbor:"spent"`
}

func (*faceRecord) name() recordName { return recordFace }

func (r *faceRecord) apply(v *visit) {
	v.attempts[keyFace]++
	v.spent[keyFace] += r.Spent
	v.portraits, v.face, v.shown = r.Portraits, &r.Decision, nil
	v.decisions = append(v.decisions, r.Decision.Decision(v.attempts[keyFace]))
	v.failure = ""
	v.step = StepFinger
	v.fingersDone() // a rule set may ask for none
}

// faceFailedRecord is one that did not. The frames are not kept: they may be
// another person's.
type faceFailedRecord struct {
	Decision eid.FaceDecision `cbor:"decision"`
	Spent    time.Duration    `cbor:"spent"`
}

func (*faceFailedRecord) name() recordName { return recordFaceFailed }

func (r *faceFailedRecord) apply(v *visit) {
	v.attempts[keyFace]++
	v.failed[keyFace]++
	v.spent[keyFace] += r.Spent
	v.face = &r.Decision
	v.decisions = append(v.decisions, r.Decision.Decision(v.attempts[keyFace]))
	v.failure = eid.CodeFaceMismatch
	if v.failed[keyFace] >= v.rules.Face.Attempts {
		v.close(StepRefused, eid.CodeFaceMismatch)
	}
}

// CaptureFace takes live frames and compares them with the chip's portrait.
// After as many failed comparisons as the rule set allows the visit is refused.
// Frames that are not good enough do not use up an attempt.
func (d *Desk) CaptureFace(ctx context.Context) error {
	const op = "compare face"
	c := call{name: op, busy: "face", attempt: keyFace, at: []Step{StepFace}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		start := d.now()
		frames, err := d.ports.Camera.CaptureFace(ctx, v.rules.Face.Frames, func(code string) {
			d.events.passing(Event{Kind: "prompt", Step: "face", Text: code})
		})
		if err != nil {
			return err
		}
		if len(frames) == 0 {
			return eid.Fail(eid.CodeNoFace, op, nil)
		}
		decision, err := d.ports.Face.CompareFace(ctx, v.document.Portrait, frames)
		if err != nil {
			return err
		}
		if decision.Pass {
			return d.accept(ctx, v, &faceRecord{Portraits: frames, Decision: decision, Spent: d.since(start, 0)})
		}
		d.show(func() { v.shown = &frames[0] })
		return d.countFailure(ctx, v, &faceFailedRecord{Decision: decision, Spent: d.since(start, 0)}, eid.CodeFaceMismatch, op)
	})
}
