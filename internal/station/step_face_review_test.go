package station

import (
	"slices"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// TestOfficerDecides: a comparison in doubt waits, over a killed daemon too, until
// the officer gives his reason; the request carries it.
func TestOfficerDecides(t *testing.T) {
	w := newWorld()
	w.unsure, w.models = true, eid.CodeModelsPilot
	d := w.desk(t, "commune_police")
	wantCode(t, d.AcceptFace(t.Context(), eid.ReviewAge, ""), eid.CodeState)
	upTo(t, d, "face")
	wantCode(t, d.AcceptFace(t.Context(), eid.ReviewAge, ""), eid.CodeState)
	if err := d.CaptureFace(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := wantView(t, d, StepFace, "", "")
	if v.Face.Outcome != eid.FaceReview || v.Face.Pass || v.Portrait == nil || v.AttemptsLeft[keyFace] != 2 {
		t.Errorf("view %+v", v)
	}
	d = w.desk(t, "commune_police") // the daemon is killed
	if err := d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		reason string
		note   eid.Private
	}{
		"no reason":              {"", ""},
		"unknown reason":         {"in a hurry", ""},
		"other without words":    {eid.ReviewOther, "  ok  "},
		"a note without an end":  {eid.ReviewAge, eid.Private(strings.Repeat("á", 501))},
		"a note that is no text": {eid.ReviewAge, "\xff\xfe"},
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, d.AcceptFace(t.Context(), c.reason, c.note), eid.CodeInput) })
	}
	if err := d.AcceptFace(t.Context(), eid.ReviewOther, " đã đối chiếu thêm giấy khai sinh "); err != nil {
		t.Fatal(err)
	}
	d = w.desk(t, "commune_police")
	if err := d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	v = wantView(t, d, StepFinger, "", "")
	if v.FaceAttested == nil || v.FaceAttested.Officer != "officer 7" || v.FaceAttested.At.IsZero() {
		t.Errorf("attestation %+v", v.FaceAttested)
	}
	for _, s := range stages[3:] {
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	r := w.rows[d.View().ID]
	if len(r.Attestations) != 1 || r.Attestations[0].Note != "đã đối chiếu thêm giấy khai sinh" || r.Attestations[0].Kind != eid.AttestFace {
		t.Errorf("attestations %+v", r.Attestations)
	}
	if d := r.Decisions[0]; d.Pass || d.Outcome != eid.FaceReview || d.Bucket != eid.BucketBetween || d.Reason != eid.FaceUnsure || d.Review != 0.8 {
		t.Errorf("decision %+v", d)
	}
	for _, code := range []eid.Code{eid.CodeFaceReviewed, eid.CodeModelsPilot} {
		if !slices.Contains(r.Warnings, code) {
			t.Errorf("warnings %v lack %s", r.Warnings, code)
		}
	}
	if v := d.View(); v.FaceAttested == nil || v.FaceAttested.Note != "" {
		t.Errorf("an ended visit shows %+v", v.FaceAttested)
	}
}

// TestReviewIsNoFreeAttempt: comparisons in doubt use up the attempts; then only
// the officer's word is left, and he may see another person.
func TestReviewIsNoFreeAttempt(t *testing.T) {
	w := newWorld()
	w.unsure = true
	d := w.desk(t, "commune_police")
	upTo(t, d, "face")
	for range 3 {
		if err := d.CaptureFace(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeState)
	if err := d.Refuse(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended(t, w, d, StepRefused, eid.CodeFaceMismatch, StepFace)
}

// TestMismatchTakesBackTheReview: what was in doubt before somebody else sat down
// can no longer be accepted.
func TestMismatchTakesBackTheReview(t *testing.T) {
	w := newWorld()
	w.unsure = true
	d := w.desk(t, "commune_police")
	upTo(t, d, "face")
	if err := d.CaptureFace(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.stranger = true
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
	wantCode(t, d.AcceptFace(t.Context(), eid.ReviewAge, ""), eid.CodeState)
	w.stranger, w.unsure = false, false
	if err := d.CaptureFace(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := wantView(t, d, StepFinger, "", ""); !v.Face.Pass || v.FaceAttested != nil {
		t.Errorf("view %+v", v)
	}
}
