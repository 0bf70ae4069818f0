package inspect_test

import (
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/inspect"
	"github.com/enrold/enrold/internal/station"
)

// TestReviewNeedsTheOfficersWord: a face that the machine left to the officer is
// in a request with his reason, and no other is.
func TestReviewNeedsTheOfficersWord(t *testing.T) {
	p := newPeople(t)
	doubt := eid.FaceDecision{Engine: "e", Metric: "cosine", Score: 0.5, Threshold: 0.6, Review: 0.4, Outcome: eid.FaceReview, Reason: eid.FaceUnsure}.Decision(1)
	word := func(r *station.Request) eid.Attestation {
		return eid.Attestation{Kind: eid.AttestFace, Reason: eid.ReviewAge, Officer: r.Officer, At: r.ReceivedAt.Add(-time.Minute)}
	}
	for name, c := range map[string]struct {
		spoil func(r *station.Request)
		want  inspect.State
	}{
		"attested":             {func(r *station.Request) { r.Attestations = []eid.Attestation{word(r)} }, inspect.OK},
		"nobody's word":        {func(r *station.Request) {}, inspect.Failed},
		"twice":                {func(r *station.Request) { r.Attestations = []eid.Attestation{word(r), word(r)} }, inspect.Failed},
		"somebody else's word": {func(r *station.Request) { a := word(r); a.Officer = "x"; r.Attestations = []eid.Attestation{a} }, inspect.Failed},
		"no reason":            {func(r *station.Request) { a := word(r); a.Reason = ""; r.Attestations = []eid.Attestation{a} }, inspect.Failed},
		"a match needs no word": {func(r *station.Request) {
			r.Attestations = []eid.Attestation{word(r)}
			r.Decisions[0] = eid.FaceDecision{Engine: "e", Metric: "cosine", Score: 0.7, Threshold: 0.6, Pass: true, Outcome: eid.FaceMatch}.Decision(1)
		}, inspect.Failed},
		"a mismatch cannot be attested": {func(r *station.Request) {
			r.Attestations = []eid.Attestation{word(r)}
			r.Decisions[0] = eid.FaceDecision{Engine: "e", Metric: "cosine", Score: 0.1, Threshold: 0.6, Outcome: eid.FaceMismatch}.Decision(1)
		}, inspect.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			b := body(t)
			b.Request.Decisions[0] = doubt
			c.spoil(&b.Request)
			if got := states(t, inspect.File(p.seal(t, b), p.keys()))["decisions"]; got != c.want {
				t.Errorf("decisions are %s, want %s", got, c.want)
			}
		})
	}
}
