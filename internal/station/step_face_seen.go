package station

import (
	"context"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// SeenBefore looks for the face of a visit among those of other persons at this
// desk whose requests are not sent yet, and of its officers. It answers with the
// warnings that the officer must see. What it learnt of the visit's person it may
// keep when the visit's Outcome is StepDone, and must forget otherwise.
type SeenBefore func(ctx context.Context, visitID, identity string, live []eid.FaceSample) ([]eid.Code, error)

// faceSeenRecord holds what SeenBefore warned of.
type faceSeenRecord struct {
	Warnings []eid.Code `cbor:"warnings"`
}

func (*faceSeenRecord) name() recordName { return recordFaceSeen }

func (r *faceSeenRecord) apply(v *visit) {
	for _, code := range r.Warnings {
		if !slices.Contains(v.warnings, code) {
			v.warnings = append(v.warnings, code)
		}
	}
}

// identity tells persons apart: the personal number, or where a document states
// none its own number and issuer.
func identity(h eid.Holder) string {
	if h.PersonalNumber != "" {
		return string(h.PersonalNumber)
	}
	return h.IssuingState + " " + string(h.DocumentNumber)
}

// seenLimit bounds the look: it is an aid, and no reason to keep a person waiting.
const seenLimit = 5 * time.Second

// lookForFace warns; that it could not look is logged and stops nobody.
func (d *Desk) lookForFace(ctx context.Context, v *visit, frames []eid.FaceSample) error {
	if d.seen == nil {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, seenLimit)
	defer cancel()
	codes, err := d.seen(within, v.id, identity(v.document.Holder), frames)
	if err != nil {
		d.log.Warn("face was not looked for among the desk's unsent requests", "visit", v.id, "code", eid.CodeOf(err), "error", err)
		return nil
	}
	if len(codes) == 0 {
		return nil
	}
	return d.accept(ctx, v, &faceSeenRecord{Warnings: codes})
}
