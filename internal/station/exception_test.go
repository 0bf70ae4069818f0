package station

import (
	"errors"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

var supervisor = Supervisor{ID: "supervisor 1", PIN: supervisorPIN}

func TestExceptFinger(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	wantCode(t, d.ExceptFinger(t.Context(), eid.LeftIndex, "amputated", supervisor), eid.CodeState)
	upTo(t, d, "left index 2")
	for name, c := range map[string]struct {
		position eid.FingerPosition
		reason   string
		by       Supervisor
		code     eid.Code
	}{
		"the officer alone":    {eid.LeftIndex, "amputated", Supervisor{ID: "officer 7", PIN: supervisorPIN}, eid.CodeSupervisor},
		"nobody":               {eid.LeftIndex, "amputated", Supervisor{PIN: supervisorPIN}, eid.CodeSupervisor},
		"a stranger":           {eid.LeftIndex, "amputated", Supervisor{ID: "passer-by", PIN: supervisorPIN}, eid.CodeSupervisor},
		"a name without proof": {eid.LeftIndex, "amputated", Supervisor{ID: "supervisor 1"}, eid.CodePINLow},
		"refused":              {eid.LeftIndex, "refused", supervisor, eid.CodeInput},
		"a finger given":       {eid.RightIndex, "worn", supervisor, eid.CodeState},
		"a finger not asked":   {eid.LeftThumb, "worn", supervisor, eid.CodeState},
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, d.ExceptFinger(t.Context(), c.position, c.reason, c.by), c.code)
			if v := d.View(); v.Fingers[1].Exception != "" || v.Error == nil || v.Error.Code != c.code {
				t.Errorf("view shows %+v, finger %+v", v.Error, v.Fingers[1])
			}
		})
	}
	w.fail["Append"] = errors.New("disk")
	if err := d.ExceptFinger(t.Context(), eid.LeftIndex, "bandaged", supervisor); err == nil {
		t.Error("an exception that is not in the journal was accepted")
	}
	delete(w.fail, "Append")
	if err := d.ExceptFinger(t.Context(), eid.LeftIndex, "bandaged", supervisor); err != nil {
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

// TestSupervisorSaysNo: it is shown, the finger can still be taken, and the
// officer may end the visit with that reason.
func TestSupervisorSaysNo(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	wantCode(t, d.RefuseException(t.Context(), eid.LeftIndex), eid.CodeState)
	upTo(t, d, "left index 1")
	wantCode(t, d.RefuseException(t.Context(), eid.RightIndex), eid.CodeState) // taken already
	wantCode(t, d.RefuseException(t.Context(), eid.LeftIndex), eid.CodeExceptionRefused)
	wantView(t, d, StepFinger, eid.CodeExceptionRefused, "")
	if err := d.CaptureFinger(t.Context(), eid.LeftIndex); err != nil {
		t.Fatal(err)
	}
	wantCode(t, d.RefuseException(t.Context(), eid.LeftIndex), eid.CodeExceptionRefused)
	if err := d.Refuse(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended(t, w, d, StepRefused, eid.CodeExceptionRefused, StepFinger)
}

// TestBothFingersExcepted leaves a face and two reasons: the centre decides.
func TestBothFingersExcepted(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "right index 1")
	for _, p := range []eid.FingerPosition{eid.RightIndex, eid.LeftIndex} {
		if err := d.ExceptFinger(t.Context(), p, "amputated", supervisor); err != nil {
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
	if o := w.outcomes[len(w.outcomes)-1]; o.Exceptions != 2 || o.End != StepDone {
		t.Errorf("outcome %+v", o)
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
		{eid.DecisionFace, 1, eid.BucketFarBelow, false},
		{eid.DecisionFace, 2, eid.BucketFarAbove, true},
		{eid.DecisionFinger, 1, eid.BucketFarBelow, false},
		{eid.DecisionFinger, 2, eid.BucketFarAbove, true},
		{eid.DecisionFingerUnique, 1, eid.BucketFarAbove, true},
		{eid.DecisionFinger, 2, eid.BucketFarAbove, true},
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
