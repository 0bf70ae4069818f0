package station

import (
	"errors"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

func TestExceptFinger(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	wantCode(t, d.ExceptFinger(t.Context(), eid.LeftIndex, "amputated", "supervisor 1"), eid.CodeState)
	upTo(t, d, "left index 2")
	for name, c := range map[string]struct {
		position           eid.FingerPosition
		reason, supervisor string
		code               eid.Code
	}{
		"the officer alone":  {eid.LeftIndex, "amputated", "officer 7", eid.CodeSupervisor},
		"nobody":             {eid.LeftIndex, "amputated", "", eid.CodeSupervisor},
		"a stranger":         {eid.LeftIndex, "amputated", "passer-by", eid.CodeSupervisor},
		"refused":            {eid.LeftIndex, "refused", "supervisor 1", eid.CodeInput},
		"a finger given":     {eid.RightIndex, "worn", "supervisor 1", eid.CodeState},
		"a finger not asked": {eid.LeftThumb, "worn", "supervisor 1", eid.CodeState},
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, d.ExceptFinger(t.Context(), c.position, c.reason, c.supervisor), c.code)
		})
	}
	w.fail["Append"] = errors.New("disk")
	if err := d.ExceptFinger(t.Context(), eid.LeftIndex, "bandaged", "supervisor 1"); err == nil {
		t.Error("an exception that is not in the journal was accepted")
	}
	delete(w.fail, "Append")
	if err := d.ExceptFinger(t.Context(), eid.LeftIndex, "bandaged", "supervisor 1"); err != nil {
		t.Fatal(err)
	}
	d = w.desk(t, "commune_police") // the daemon is killed
	if err := d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := wantView(t, d, StepConsent, "", ""); v.Fingers[1].Exception != "bandaged" || v.Fingers[1].Impressions != 0 {
		t.Errorf("finger %+v", v.Fingers[1])
	}
	for _, s := range stages[7:] {
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	r := w.rows[d.View().ID]
	if len(r.Exceptions) != 1 || r.Exceptions[0].Supervisor != "supervisor 1" || r.Exceptions[0].Position != eid.LeftIndex || len(r.Fingers) != 2 {
		t.Errorf("request with %d impressions and exceptions %+v", len(r.Fingers), r.Exceptions)
	}
}

// TestBothFingersExcepted leaves a face and two reasons: the centre decides.
func TestBothFingersExcepted(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "right index 1")
	for _, p := range []eid.FingerPosition{eid.RightIndex, eid.LeftIndex} {
		if err := d.ExceptFinger(t.Context(), p, "amputated", "supervisor 1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range stages[7:] {
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	if r := w.rows[d.View().ID]; len(r.Exceptions) != 2 || len(r.Fingers) != 0 {
		t.Errorf("request with %d impressions and exceptions %+v", len(r.Fingers), r.Exceptions)
	}
}

// TestDecisionsAreAllThere counts failed comparisons beside the passed ones.
func TestDecisionsAreAllThere(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "face")
	w.stranger = true
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
	w.stranger = false
	if err := d.CaptureFace(t.Context()); err != nil {
		t.Fatal(err)
	}
	given := []byte{2, 3, 2, 2, 2, 2, 7, 7} // two fingers for one position; then one finger for both positions
	w.finger = func(nth int) byte { return given[nth-1] }
	for nth, p := range []eid.FingerPosition{2, 2, 2, 2, 7, 7, 7, 7} {
		err := d.CaptureFinger(t.Context(), p)
		if want := map[int]eid.Code{1: eid.CodeFingerMismatch, 5: eid.CodeFingerTwice}[nth]; want != "" {
			wantCode(t, err, want)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range stages[7:] {
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	type made struct {
		kind    eid.DecisionKind
		attempt int
		bucket  eid.ScoreBucket
		pass    bool
	}
	want := []made{
		{eid.DecisionFace, 1, eid.BucketFarBelow, false}, {eid.DecisionFace, 2, eid.BucketFarAbove, true},
		{eid.DecisionFinger, 1, eid.BucketFarBelow, false}, {eid.DecisionFinger, 2, eid.BucketFarAbove, true},
		{eid.DecisionFingerUnique, 1, eid.BucketFarAbove, true}, {eid.DecisionFinger, 2, eid.BucketFarAbove, true},
	}
	got := w.rows[d.View().ID].Decisions
	if len(got) != len(want) {
		t.Fatalf("%d decisions: %+v", len(got), got)
	}
	for i, d := range got {
		if (made{d.Kind, d.Attempt, d.Bucket, d.Pass}) != want[i] || d.Engine == "" || d.Metric == "" || d.Threshold == 0 {
			t.Errorf("decision %d is %+v, want %+v", i+1, d, want[i])
		}
	}
}

func TestConsentSignature(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "consent")
	given := consent
	for name, image := range map[string]eid.Blob{"not an image": eid.Blob("signature"), "too large": make(eid.Blob, maxSignatureBytes+1)} {
		given.Signature = image
		if err := d.GiveConsent(t.Context(), given); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	given.Signature = grayPNG(eid.FingerSample{Width: 2, Height: 2, Pixels: make(eid.Blob, 4)})
	given.By, given.TextSHA256 = "somebody", []byte("other words")
	if err := d.GiveConsent(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	if c := d.View().Consent; c.By != "subject" || len(c.TextSHA256) != 32 || len(c.Signature) == 0 {
		t.Errorf("consent by %q, %d bytes of hash, signature of %d bytes", c.By, len(c.TextSHA256), len(c.Signature))
	}
}
