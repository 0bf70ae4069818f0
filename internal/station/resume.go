package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// Resume takes up the visit that a killed daemon left in the journal; call it
// once, before the first Start. The visit stands where its last record left it,
// or is shown as abandoned when its journal cannot be read any more (the key is
// gone after a power cut, or another version wrote it). An error means that the
// journal or the queue did not answer: nothing is decided then, call it again.
func (d *Desk) Resume(ctx context.Context) error {
	ctx, err := d.begin(ctx, "resume visit", "")
	if err != nil {
		return err
	}
	defer d.end()
	if d.visit != nil {
		return eid.Fail(eid.CodeState, "resume visit", nil)
	}
	id, entries, err := d.ports.Journal.Load(ctx)
	if err != nil && eid.CodeOf(err) != eid.CodeJournalLost {
		return fmt.Errorf("resume visit: %w", err)
	}
	if err == nil && id == "" {
		return d.resumeSent(ctx)
	}
	var v *visit
	if err == nil {
		v, err = d.fold(id, entries)
	}
	if err != nil {
		return d.resumeLost(ctx, id, err)
	}
	v.resumed = true
	if v.step == StepSend {
		// It was perhaps cut while it was being sent: then the queue has it, or the
		// step is open again.
		done, err := d.askQueue(ctx, v)
		if err != nil {
			return fmt.Errorf("resume visit: %w", err)
		}
		if done {
			d.show(func() { d.visit = v })
			d.uncut = v.id
			return d.clearRest(ctx)
		}
	}
	d.show(func() { d.visit = v })
	d.log.Info("visit resumed", "visit", v.id, "step", v.step)
	if !v.open() {
		d.finish(ctx, v)
	}
	return nil
}

// fold applies the journal's records in their order.
func (d *Desk) fold(id string, entries []Entry) (*visit, error) {
	if len(entries) == 0 {
		return nil, errors.New("read journal: no record")
	}
	records := make([]record, 0, len(entries))
	numbers := make([]int, 0, len(entries))
	for _, e := range entries {
		n, r, err := decodeRecord(e)
		if err != nil {
			return nil, err
		}
		// A number that was used before replaces what was not accepted; see envelope.
		for len(numbers) > 0 && numbers[len(numbers)-1] >= n {
			numbers, records = numbers[:len(numbers)-1], records[:len(records)-1]
		}
		numbers, records = append(numbers, n), append(records, r)
	}
	started, ok := records[0].(*startedRecord)
	if !ok {
		return nil, errors.New("read journal: first record does not start a visit")
	}
	rules, err := d.rules.Rules(started.RuleSet, started.Kind)
	if err != nil {
		return nil, err
	}
	v := newVisit(id, rules)
	v.take(started)
	for _, r := range records[1:] {
		if !follows(v, r) {
			return nil, fmt.Errorf("read journal: record %s does not follow at step %s", r.name(), v.step)
		}
		v.take(r)
	}
	v.records = numbers[len(numbers)-1] + 1
	return v, nil
}

// follows reports whether the live visit could have written r where v stands.
func follows(v *visit, r record) bool {
	switch r := r.(type) {
	case *documentRecord:
		return v.step == StepDocument
	case *faceRecord:
		return v.step == StepFace && len(r.Portraits) > 0
	case *faceSeenRecord:
		return v.step == StepFace
	case *presenceRecord:
		return slices.Contains([]Step{StepFace, StepFinger, StepConsent, StepSend}, v.step)
	case *faceFailedRecord:
		return v.step == StepFace
	case *faceReviewRecord:
		return v.step == StepFace && len(r.Portraits) > 0 && r.Decision.Outcome == eid.FaceReview
	case *faceAttestedRecord:
		return v.undecided()
	case *impressionRecord:
		f := v.finger(r.Sample.Position)
		last := f != nil && len(f.samples)+1 == f.wanted
		return v.step == StepFinger && f != nil && !f.done() && last == (r.Decision != nil && r.Decision.Pass)
	case *fingerFailedRecord:
		return v.step == StepFinger && v.finger(r.Position) != nil
	case *exceptionRecord:
		f := v.finger(r.Exception.Position)
		return v.step == StepFinger && f != nil && !f.done()
	case *detailsRecord:
		return v.open() && v.step != StepDocument
	case *consentRecord:
		return v.step == StepConsent && v.detailsGiven
	case *failedRecord, *closedRecord:
		return v.open()
	}
	return false
}

// sentLately is how long ago a request may have been queued to be the visit that
// a killed daemon was sending.
const sentLately = 5 * time.Minute

// resumeSent shows the visit whose request reached the queue just before the
// daemon was killed.
func (d *Desk) resumeSent(ctx context.Context) error {
	if d.last == nil {
		return nil
	}
	id, queued, found, err := d.last(ctx)
	if err != nil {
		return fmt.Errorf("resume visit: %w", err)
	}
	if found && d.now().Sub(queued.QueuedAt) < sentLately {
		d.show(func() { d.visit = &visit{id: id, rules: noRules, step: StepDone, queued: &queued, resumed: true} })
	}
	return nil
}

// resumeLost shows that a visit was cut off and cannot go on.
func (d *Desk) resumeLost(ctx context.Context, id string, cause error) error {
	d.log.Warn("visit cannot be resumed", "visit", id, "error", cause)
	v := &visit{id: id, rules: noRules, step: StepAbandon, refusal: eid.CodeJournalLost, resumed: true}
	if id != "" {
		queued, found, err := d.ports.Queue.Find(ctx, id)
		if err != nil {
			return fmt.Errorf("resume visit: %w", err)
		}
		if found {
			v.step, v.refusal, v.queued = StepDone, "", &queued
		}
		d.uncut = id
		if err := d.clearRest(ctx); err != nil {
			d.log.Error("journal of a lost visit is not cleared", "visit", id, "error", err)
		}
	}
	d.show(func() { d.visit = v })
	d.ended(v.outcome(d.now()))
	return nil
}

// noRules stands in for the rules of a visit of which nothing is known.
var noRules = new(procedure.Rules)
