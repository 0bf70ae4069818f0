package station

import (
	"context"
	"errors"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// documentRecord is a document that was read and accepted, or read and found to
// end the visit (Refusal).
type documentRecord struct {
	Document      eid.ChipDocument `cbor:"document"`
	Warnings      []eid.Code       `cbor:"warnings"`
	NeedsGuardian bool             `cbor:"needs_guardian"`
	CardExpired   bool             `cbor:"card_expired"`
	Refusal       eid.Code         `cbor:"refusal"`
	Spent         time.Duration    `cbor:"spent"`
}

func (*documentRecord) name() recordName { return recordDocument }

func (r *documentRecord) apply(v *visit) {
	v.attempts[keyChip]++
	v.spent[keyChip] += r.Spent
	v.document, v.warnings = &r.Document, r.Warnings
	v.needsGuardian, v.cardExpired = r.NeedsGuardian, r.CardExpired
	v.failure = ""
	if r.Refusal != "" {
		v.close(StepRefused, r.Refusal)
		return
	}
	v.step = StepFace
}

// ReadChip reads the document on the reader and applies the rules to its
// holder. Data that are not authentic and a person whom the rules exclude end
// the visit at once; a document of the wrong kind leaves the step open.
func (d *Desk) ReadChip(ctx context.Context, key eid.AccessKey) error {
	const op = "read chip"
	c := call{name: op, busy: "chip", attempt: keyChip, at: []Step{StepDocument}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		start := d.now()
		doc, err := d.ports.Chip.ReadChip(ctx, key, func(share float64, file string) {
			d.events.passing(Event{Kind: "progress", Step: "chip", Share: share, Text: file})
		})
		if err != nil {
			return err
		}
		r := &documentRecord{Document: doc, Spent: d.since(start, 0)}
		if forged(doc) {
			r.Refusal = eid.CodeChipPAFailed
			return d.refuse(ctx, v, r, r.Refusal)
		}
		if key.Birth != "" && doc.Holder.Birth != key.Birth {
			return eid.Fail(eid.CodeChipMismatch, op, errors.New("birth date differs from the one entered"))
		}
		if err := v.rules.CheckDocument(doc.Kind, doc.Holder.Nationality); err != nil {
			return err
		}
		if doc.PA.State == eid.CheckNotPossible {
			r.Warnings = append(r.Warnings, eid.CodeChipUnverified)
		}
		found, err := v.rules.CheckHolder(doc.Holder, procedure.Day(d.now()))
		if err != nil {
			r.Refusal = eid.CodeOf(err)
			return d.refuse(ctx, v, r, r.Refusal)
		}
		r.Warnings = append(r.Warnings, found.Warnings...)
		r.NeedsGuardian, r.CardExpired = found.NeedsGuardian, found.CardExpired
		return d.accept(ctx, v, r)
	})
}

// forged reports a chip whose data or whose own key are not authentic. Passive
// authentication must have been tried: no word of it counts as failed. Chip and
// active authentication are not offered by every chip.
func forged(doc eid.ChipDocument) bool {
	return doc.PA.State != eid.CheckOK && doc.PA.State != eid.CheckNotPossible ||
		doc.CA.State == eid.CheckFailed || doc.AA.State == eid.CheckFailed
}
