package station

import (
	"errors"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// ended checks that a visit left nothing but its outcome.
func ended(t *testing.T, w *world, d *Desk, end Step, code eid.Code, reached Step) {
	t.Helper()
	v := wantView(t, d, end, "", code)
	if len(w.rows) != 0 || w.visit != "" || len(w.journal) != 0 {
		t.Errorf("%d rows, journal %q with %d records", len(w.rows), w.visit, len(w.journal))
	}
	last := w.outcomes[len(w.outcomes)-1]
	if last.VisitID != v.ID || last.End != end || last.Code != code || last.Reached != reached || last.At.IsZero() {
		t.Errorf("outcome %+v", last)
	}
	forgotten(t, v)
	if err := d.Start(t.Context(), eid.CitizenLevel2); err != nil {
		t.Errorf("the next visit does not start: %v", err)
	}
}

func TestDocumentRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*eid.ChipDocument)
		refuse eid.Code // ends the visit
		open   eid.Code // leaves the step open
		warn   eid.Code
	}{
		{"passive authentication failed", func(d *eid.ChipDocument) { d.PA.State = eid.CheckFailed }, eid.CodeChipPAFailed, "", ""},
		{"passive authentication forgotten", func(d *eid.ChipDocument) { d.PA.State = "" }, eid.CodeChipPAFailed, "", ""},
		{"cloned chip", func(d *eid.ChipDocument) { d.AA.State = eid.CheckFailed }, eid.CodeChipPAFailed, "", ""},
		{"forged passport at a citizen's visit", func(d *eid.ChipDocument) { *d = passport(); d.PA.State = eid.CheckFailed }, eid.CodeChipPAFailed, "", ""},
		{"no trust list", func(d *eid.ChipDocument) { d.PA.State = eid.CheckNotPossible }, "", "", eid.CodeChipUnverified},
		{"passport", func(d *eid.ChipDocument) { *d = passport() }, "", eid.CodeDocumentKind, ""},
		{"under 6", func(d *eid.ChipDocument) { d.Holder.Birth = "2021-01-01" }, eid.CodeAgeUnder6, "", ""},
		{"impossible birth", func(d *eid.ChipDocument) { d.Holder.Birth = "2027-01-01" }, eid.CodeBirthDate, "", ""},
		{"bad number", func(d *eid.ChipDocument) { d.Holder.PersonalNumber = "099" }, eid.CodePINFormat, "", ""},
		{"expired card", func(d *eid.ChipDocument) { d.Holder.Expiry = "2026-05-31" }, "", "", eid.CodeCardExpired},
		{"number does not fit", func(d *eid.ChipDocument) { d.Holder.Sex = "M" }, "", "", eid.CodePINStruct},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			c.change(&w.document)
			d := w.desk(t, "commune_police")
			upTo(t, d, "chip")
			err := d.ReadChip(t.Context(), eid.AccessKey{})
			switch {
			case c.refuse != "":
				wantCode(t, err, c.refuse)
				ended(t, w, d, StepRefused, c.refuse, StepDocument)
			case c.open != "":
				wantCode(t, err, c.open)
				wantView(t, d, StepDocument, c.open, "")
				w.document = citizenCard()
				if err := d.ReadChip(t.Context(), eid.AccessKey{}); err != nil {
					t.Errorf("the right document is refused: %v", err)
				}
			default:
				if err != nil {
					t.Fatal(err)
				}
				v := wantView(t, d, StepFace, "", "")
				if len(v.Warnings) != 1 || v.Warnings[0].Code != c.warn {
					t.Errorf("warnings %v, want %s", v.Warnings, c.warn)
				}
			}
		})
	}
}

func TestChipOfAnotherPerson(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "chip")
	wantCode(t, d.ReadChip(t.Context(), eid.AccessKey{Birth: "1990-01-16"}), eid.CodeChipMismatch)
	wantView(t, d, StepDocument, eid.CodeChipMismatch, "")
	if err := d.Refuse(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended(t, w, d, StepRefused, eid.CodeChipMismatch, StepDocument)
}

func TestExpiredCardTakesTheLongPath(t *testing.T) {
	w := newWorld()
	w.document.Holder.Expiry = "2026-05-31"
	d := w.desk(t, "commune_police")
	upTo(t, d, "")
	if v := wantView(t, d, StepDone, "", ""); v.DueRule != "CLK-3" || v.DueAt != "2026-06-10" {
		t.Errorf("due %s by %s", v.DueAt, v.DueRule)
	}
}

func TestImpostor(t *testing.T) {
	w := newWorld()
	w.stranger = true
	d := w.desk(t, "commune_police")
	upTo(t, d, "face")
	for left := 2; left > 0; left-- {
		wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
		v := wantView(t, d, StepFace, eid.CodeFaceMismatch, "")
		if v.AttemptsLeft[keyFace] != left || v.Face == nil || v.Face.Pass || v.Portrait == nil {
			t.Errorf("attempts left %d, want %d; decision %v", v.AttemptsLeft[keyFace], left, v.Face)
		}
	}
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
	if v := d.View(); v.Face == nil || v.Face.Score != 0.9 {
		t.Errorf("the refused visit does not show its decision: %v", v.Face)
	}
	ended(t, w, d, StepRefused, eid.CodeFaceMismatch, StepFace)
}

func TestFaceMayFailOnce(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "face")
	w.stranger = true
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
	w.stranger = false
	for _, s := range stages[2:] {
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	if r := w.rows[d.View().ID]; r.Attempts[keyFace] != 2 {
		t.Errorf("the request tells of %d attempts, want 2", r.Attempts[keyFace])
	}
}

func TestWrongFingers(t *testing.T) {
	other := func(nth int) byte { return byte(100 + nth) } // never the same finger
	same := func(int) byte { return 2 }                    // the right index for everything
	for _, c := range []struct {
		name   string
		stage  string
		finger func(int) byte
		code   eid.Code
		p      eid.FingerPosition
	}{
		{"two fingers for one position", "right index 1", other, eid.CodeFingerMismatch, eid.RightIndex},
		{"one finger for two positions", "left index 1", same, eid.CodeFingerTwice, eid.LeftIndex},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			d := w.desk(t, "commune_police")
			upTo(t, d, c.stage)
			w.finger = c.finger
			for left := 2; left >= 0; left-- {
				if err := d.CaptureFinger(t.Context(), c.p); err != nil {
					t.Fatal(err)
				}
				wantCode(t, d.CaptureFinger(t.Context(), c.p), c.code)
				if left == 0 {
					break
				}
				v := wantView(t, d, StepFinger, c.code, "")
				i := 0
				if c.p == eid.LeftIndex {
					i = 1
				}
				if v.AttemptsLeft[keyFinger(c.p)] != left || v.Fingers[i].Impressions != 0 {
					t.Errorf("attempts left %v, impressions kept %d", v.AttemptsLeft, v.Fingers[i].Impressions)
				}
			}
			ended(t, w, d, StepRefused, c.code, StepFinger)
		})
	}
}

func TestFingerNotAskedFor(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "left index 1")
	wantCode(t, d.CaptureFinger(t.Context(), eid.RightThumb), eid.CodeState)
	wantCode(t, d.CaptureFinger(t.Context(), eid.RightIndex), eid.CodeState) // accepted already
}

// TestDeviceFaults: a device that fails at any stage shows its failure, uses up
// no attempt, and the step can be repeated.
func TestDeviceFaults(t *testing.T) {
	for _, c := range []struct {
		stage, method string
		code          eid.Code
		counted       bool
	}{
		{"chip", "ReadChip", eid.CodeDeviceRestarted, false},
		{"chip", "ReadChip", eid.CodeNoCard, false},
		{"chip", "ReadChip", eid.CodeChipAccess, true},
		{"face", "CaptureFace", eid.CodeDeviceRestarted, false},
		{"face", "CaptureFace", eid.CodeQualityFace, true},
		{"face", "CompareFace", eid.CodeDeviceRestarted, false},
		{"right index 2", "CaptureFinger", eid.CodeNoScanner, false},
		{"right index 2", "CaptureFinger", eid.CodeQualityFinger, true},
		{"right index 2", "CompareFinger", eid.CodeDeviceRestarted, false},
		{"left index 2", "CompareFinger", eid.CodeDeviceRestarted, false},
		{"send", "Enqueue", eid.CodeSeal, false},
		{"chip", "Append", eid.CodeQueue, false},
		{"face", "Append", eid.CodeQueue, false},
		{"right index 1", "Append!", eid.CodeQueue, false},
		{"right index 2", "Append!", eid.CodeQueue, false},
		{"consent", "Append!", eid.CodeQueue, false},
	} {
		t.Run(c.stage+" "+c.method+" "+string(c.code), func(t *testing.T) {
			w := newWorld()
			d := w.desk(t, "commune_police")
			upTo(t, d, c.stage)
			before := d.View()
			i := stageIndex(c.stage)
			w.fail[c.method] = eid.Fail(c.code, "device", nil)
			for range 4 { // more often than the rules allow attempts
				wantCode(t, stages[i].do(t.Context(), d), c.code)
				v := wantView(t, d, stages[i].at, c.code, "")
				for key, left := range before.AttemptsLeft {
					if v.AttemptsLeft[key] != left {
						t.Errorf("%s used up an attempt", c.code)
					}
				}
			}
			delete(w.fail, c.method)
			for _, s := range stages[i:] {
				if err := s.do(t.Context(), d); err != nil {
					t.Fatalf("%s after the fault: %v", s.name, err)
				}
			}
			r := w.rows[d.View().ID]
			if n := r.Attempts["chip"] + r.Attempts["face"] + r.Attempts["finger-2"]; c.counted != (n == 7) || !c.counted != (n == 3) {
				t.Errorf("attempts %v", r.Attempts)
			}
		})
	}
}

func stageIndex(name string) int {
	for i, s := range stages {
		if s.name == name {
			return i
		}
	}
	return len(stages)
}

func TestRefuseNeedsAFailedCheck(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	wantCode(t, d.Refuse(t.Context()), eid.CodeState)
	upTo(t, d, "face")
	wantCode(t, d.Refuse(t.Context()), eid.CodeState)
	w.fail["CaptureFace"] = eid.Fail(eid.CodeNoCamera, "open camera", errors.New("gone"))
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeNoCamera)
	wantCode(t, d.Refuse(t.Context()), eid.CodeState) // no fault of the person
	delete(w.fail, "CaptureFace")
	w.stranger = true
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
	if err := d.Refuse(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended(t, w, d, StepRefused, eid.CodeFaceMismatch, StepFace)
}

func TestAbandonAtEveryStage(t *testing.T) {
	for _, s := range stages[1:] {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld()
			d := w.desk(t, "commune_police")
			upTo(t, d, s.name)
			if err := d.Abandon(t.Context()); err != nil {
				t.Fatal(err)
			}
			ended(t, w, d, StepAbandon, "", s.at)
		})
	}
}
