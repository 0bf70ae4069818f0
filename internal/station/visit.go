package station

import (
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// visit is the state of one visit. Records change it; see record.go.
type visit struct {
	id      string // UUIDv7, the request's id later
	rules   *procedure.Rules
	officer string
	started time.Time
	step    Step
	reached Step // the last open step of an ended visit
	resumed bool
	records int // taken so far, and the number of the next

	document      *eid.ChipDocument
	needsGuardian bool
	cardExpired   bool
	warnings      []eid.Code

	portraits []eid.FaceSample // the frames compared, best first
	shown     *eid.FaceSample  // best frame of a failed attempt
	face      *eid.FaceDecision
	// attestation is the officer's word where face left it to him.
	attestation *eid.Attestation
	presence    *eid.Attestation // of a living person
	fingers     []*finger

	decisions []eid.Decision // every comparison made, in order

	details         Details
	detailsWarnings []eid.Code
	detailsGiven    bool
	consent         *eid.Consent

	failure  eid.Code // last failure of the open step
	refusal  eid.Code // why the visit ended
	attempts map[string]int
	failed   map[string]int // comparisons that count against a limit
	spent    map[string]time.Duration

	queued *Queued
	due    procedure.Due
}

// Keys of attempts and timings.
const (
	keyChip = "chip"
	keyFace = "face"
	keySend = "sign_seal_queue"
)

func keyFinger(p eid.FingerPosition) string { return fmt.Sprintf("finger-%d", p) }

func newVisit(id string, rules *procedure.Rules) *visit {
	v := &visit{
		id: id, rules: rules,
		attempts: map[string]int{}, failed: map[string]int{}, spent: map[string]time.Duration{},
	}
	for _, p := range rules.Finger.Positions {
		v.fingers = append(v.fingers, &finger{position: p, wanted: rules.Finger.Impressions})
	}
	return v
}

func (v *visit) take(r record) {
	r.apply(v)
	v.records++
}

func (v *visit) open() bool {
	switch v.step {
	case StepDone, StepRefused, StepAbandon:
		return false
	}
	return true
}

// close ends the visit and forgets the person.
func (v *visit) close(end Step, code eid.Code) {
	v.reached, v.step = v.step, end
	v.failure, v.refusal = "", code
	v.forget()
}

// forget drops everything about the person and keeps what explains the outcome:
// the state of the checks and the decisions.
func (v *visit) forget() {
	if d := v.document; d != nil {
		v.document = &eid.ChipDocument{
			Kind: d.Kind, Access: d.Access, PA: d.PA, CA: d.CA, AA: d.AA,
			APDUs: d.APDUs, Bytes: d.Bytes, Reader: d.Reader, Origin: d.Origin,
		}
	}
	v.portraits, v.shown = nil, nil
	for _, f := range v.fingers {
		f.taken, f.png = len(f.samples)+f.taken, nil
		f.samples = nil
	}
	v.decisions = nil
	if v.attestation != nil {
		v.attestation = &eid.Attestation{Kind: v.attestation.Kind, Reason: v.attestation.Reason}
	}
	v.details, v.consent = Details{}, nil
}

func (v *visit) view() *View {
	out := &View{
		ID: v.id, Procedure: v.rules.Kind, RuleSet: v.rules.ID, Step: v.step, Resumed: v.resumed,
		Document: v.document, Face: v.face, FaceAttested: v.attestation, Presence: v.presence, Fingers: []FingerView{},
		Contacts: v.details.Contacts, Guardian: v.details.Guardian, Residence: v.details.Residence,
		Consent: v.consent, FingerExceptions: v.rules.Finger.Exceptions,
		NeedsGuardian: v.needsGuardian, NeedsResidence: v.rules.Documents.ResidenceCard,
		Queued: v.queued, DueAt: v.due.Day, DueRule: v.due.Rule,
		AttemptsLeft: map[string]int{}, TimingsMS: map[string]int64{},
	}
	for _, code := range slices.Concat(v.warnings, v.detailsWarnings) {
		out.Warnings = append(out.Warnings, eid.Explain(code))
	}
	if len(v.portraits) > 0 {
		out.Portrait = &v.portraits[0]
	} else {
		out.Portrait = v.shown
	}
	for _, f := range v.fingers {
		out.Fingers = append(out.Fingers, f.view())
		out.AttemptsLeft[keyFinger(f.position)] = v.rules.Finger.Attempts - v.failed[keyFinger(f.position)]
	}
	out.AttemptsLeft[keyFace] = v.rules.Face.Attempts - v.failed[keyFace]
	for key, spent := range v.spent {
		out.TimingsMS[key] = spent.Milliseconds()
	}
	out.Error, out.Refusal = v.failure.Failure(), v.refusal.Failure()
	return out
}

// outcome is what is kept of an ended visit.
func (v *visit) outcome(at time.Time) Outcome {
	o := Outcome{VisitID: v.id, Procedure: v.rules.Kind, End: v.step, Code: v.refusal, Reached: v.reached, At: at}
	for _, f := range v.fingers {
		if f.exception != nil {
			o.Exceptions++
		}
	}
	return o
}
