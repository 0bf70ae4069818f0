package station

import (
	"context"
	"errors"
	"slices"
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
	v.compared(r.Decision, r.Spent)
	v.portraits, v.shown = r.Portraits, nil
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
	v.compared(r.Decision, r.Spent)
	v.failed[keyFace]++
	v.portraits, v.presence = nil, nil // the officer's word was of somebody else
	v.failure = eid.CodeFaceMismatch
	if v.failed[keyFace] >= v.rules.Face.Attempts {
		v.close(StepRefused, eid.CodeFaceMismatch)
	}
}

// compared takes in what every comparison leaves, however it ended.
func (v *visit) compared(d eid.FaceDecision, spent time.Duration) {
	v.attempts[keyFace]++
	v.spent[keyFace] += spent
	v.face = &d
	v.decisions = append(v.decisions, d.Decision(v.attempts[keyFace]))
	if d.Warning != "" && !slices.Contains(v.warnings, d.Warning) {
		v.warnings = append(v.warnings, d.Warning)
	}
}

// CaptureFace takes live frames and compares them with the chip's portrait. A
// match goes on; a mismatch counts, and after as many as the rule set allows the
// visit is refused; in between the officer decides by AcceptFace or Refuse, or
// takes the face again, which counts as a mismatch would: nobody tries until
// chance lets him through. Frames that are not good enough use up no attempt.
func (d *Desk) CaptureFace(ctx context.Context) error {
	const op = "compare face"
	c := call{name: op, busy: "face", attempt: keyFace, at: []Step{StepFace}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		if v.failed[keyFace] >= v.rules.Face.Attempts {
			return eid.Fail(eid.CodeState, op, errors.New("no attempt is left: the officer decides"))
		}
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
		spent := d.since(start, 0)
		if decision.Outcome == eid.FaceMatch || decision.Outcome == eid.FaceReview {
			if err := d.lookForFace(ctx, v, frames); err != nil {
				return err
			}
		}
		switch decision.Outcome {
		case eid.FaceMatch:
			return d.accept(ctx, v, &faceRecord{Portraits: frames, Decision: decision, Spent: spent})
		case eid.FaceReview:
			return d.accept(ctx, v, &faceReviewRecord{Portraits: frames, Decision: decision, Spent: spent})
		}
		d.show(func() { v.shown = &frames[0] })
		return d.countFailure(ctx, v, &faceFailedRecord{Decision: decision, Spent: spent}, eid.CodeFaceMismatch, op)
	})
}
