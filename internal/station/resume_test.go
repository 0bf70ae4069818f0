package station

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// shown is a view as the screen sees it, without what a restart may change.
func shown(t testing.TB, v *View) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "resumed")
	return m
}

// TestResumeAtEveryStage kills the daemon before every stage: the next one shows
// the same visit and finishes it.
func TestResumeAtEveryStage(t *testing.T) {
	for i, s := range stages[1:] {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld()
			d := w.desk(t, "commune_police")
			upTo(t, d, s.name)
			before := d.View()
			d = w.desk(t, "commune_police")
			if err := d.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := d.View()
			if after == nil || !after.Resumed {
				t.Fatalf("not resumed: %+v", after)
			}
			if diff := cmp.Diff(shown(t, before), shown(t, after)); diff != "" {
				t.Fatalf("resumed visit differs (-before +after):\n%s", diff)
			}
			wantCode(t, d.Start(t.Context(), eid.CitizenLevel2), eid.CodeState)
			for _, s := range stages[1+i:] {
				if err := s.do(t.Context(), d); err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
			wantView(t, d, StepDone, "", "")
		})
	}
}

// TestResumeKeepsFailedAttempts: killing the daemon gives nobody more attempts.
func TestResumeKeepsFailedAttempts(t *testing.T) {
	w := newWorld()
	w.stranger = true
	d := w.desk(t, "commune_police")
	upTo(t, d, "face")
	for left := 2; left > 0; left-- {
		wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
		d = w.desk(t, "commune_police")
		if err := d.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v := wantView(t, d, StepFace, eid.CodeFaceMismatch, ""); v.AttemptsLeft[keyFace] != left {
			t.Fatalf("%d attempts left after the restart, want %d", v.AttemptsLeft[keyFace], left)
		}
	}
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
	ended(t, w, d, StepRefused, eid.CodeFaceMismatch, StepFace)
}

// TestRefusalSurvivesAKill: the journal could not be cleared before the kill.
func TestRefusalSurvivesAKill(t *testing.T) {
	w := newWorld()
	w.document.PA.State = eid.CheckFailed
	w.fail["Clear"] = errors.New("disk")
	d := w.desk(t, "commune_police")
	upTo(t, d, "chip")
	wantCode(t, d.ReadChip(t.Context(), eid.AccessKey{}), eid.CodeChipPAFailed)
	if w.visit == "" {
		t.Fatal("the journal was cleared after all")
	}
	delete(w.fail, "Clear")
	d = w.desk(t, "commune_police")
	if err := d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended(t, w, d, StepRefused, eid.CodeChipPAFailed, StepDocument)
}

func TestResumeNothing(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	if err := d.Resume(t.Context()); err != nil || d.View() != nil {
		t.Errorf("error %v, view %+v", err, d.View())
	}
	w.fail["Load"] = eid.Fail(eid.CodeQueue, "load journal", nil)
	wantCode(t, d.Resume(t.Context()), eid.CodeQueue)
}

// TestJournalLost: whatever makes the journal unreadable, the officer is told.
func TestJournalLost(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"key gone":               func(w *world) { w.keyLost = true },
		"no record":              func(w *world) { w.journal = nil },
		"unknown record":         func(w *world) { w.journal[2].Step = "later" },
		"malformed record":       func(w *world) { w.journal[2].Data = []byte{0xff} },
		"records in wrong order": func(w *world) { w.journal[0], w.journal[1] = w.journal[1], w.journal[0] },
		"a record is missing":    func(w *world) { w.journal = append(w.journal[:1:1], w.journal[2:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			d := w.desk(t, "commune_police")
			upTo(t, d, "right index 1")
			id := d.View().ID
			spoil(w)
			d = w.desk(t, "commune_police")
			if err := d.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			if v := d.View(); v == nil || v.ID != id {
				t.Fatalf("the visit is lost without a notice: %+v", v)
			}
			wantView(t, d, StepAbandon, "", eid.CodeJournalLost)
			if w.visit != "" {
				t.Error("the journal still holds the visit")
			}
			if err := d.Start(t.Context(), eid.CitizenLevel2); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSendCutOff: the answer of the queue is lost in every way.
func TestSendCutOff(t *testing.T) {
	t.Run("error after the commit", func(t *testing.T) {
		w := newWorld()
		d := w.desk(t, "commune_police")
		upTo(t, d, "send")
		w.fail["Enqueue!"] = eid.Fail(eid.CodeQueue, "enqueue", nil)
		if err := d.Send(t.Context()); err != nil {
			t.Errorf("the request is queued, yet: %v", err)
		}
		wantView(t, d, StepDone, "", "")
	})
	t.Run("the queue does not say", func(t *testing.T) {
		w := newWorld()
		d := w.desk(t, "commune_police")
		upTo(t, d, "send")
		w.fail["Enqueue!"] = eid.Fail(eid.CodeQueue, "enqueue", nil)
		w.fail["Find"] = eid.Fail(eid.CodeQueue, "find", nil)
		wantCode(t, d.Send(t.Context()), eid.CodeQueue)
		wantView(t, d, StepSend, eid.CodeQueue, "")
		// As long as that is so, nothing may pretend that it was not sent.
		wantCode(t, d.Abandon(t.Context()), eid.CodeQueue)
		wantCode(t, d.SetDetails(t.Context(), details), eid.CodeQueue)
		delete(w.fail, "Find")
		wantCode(t, d.Abandon(t.Context()), eid.CodeState)
		wantView(t, d, StepDone, "", "")
	})
	t.Run("killed before the commit", func(t *testing.T) {
		w := newWorld()
		d := w.desk(t, "commune_police")
		upTo(t, d, "send")
		w.fail["Enqueue"] = errors.New("killed")
		_ = d.Send(t.Context()) // this daemon never learns more
		delete(w.fail, "Enqueue")
		d = w.desk(t, "commune_police")
		if err := d.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantView(t, d, StepSend, "", "")
		if err := d.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.rows) != 1 {
			t.Errorf("%d rows", len(w.rows))
		}
	})
	t.Run("killed after the commit", func(t *testing.T) {
		w := newWorld()
		d := w.desk(t, "commune_police")
		upTo(t, d, "send")
		r, err := d.visit.request(w.clock, procedure.Due{Day: "2026-06-04", Rule: "CLK-2"},
			Setting{Devices: d.visit.devices(), Digests: make([]eid.Digest, 1)}, asIs)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Enqueue(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		id := d.View().ID
		d = w.desk(t, "commune_police")
		if err := d.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v := wantView(t, d, StepDone, "", ""); v.ID != id || v.Queued == nil {
			t.Errorf("view %+v", v)
		}
		// On the next morning that visit is history.
		w.clock = w.clock.Add(12 * time.Hour)
		d = w.desk(t, "commune_police")
		if err := d.Resume(t.Context()); err != nil || d.View() != nil {
			t.Errorf("error %v, view %+v", err, d.View())
		}
	})
	t.Run("killed after the commit, journal kept", func(t *testing.T) {
		w := newWorld()
		d := w.desk(t, "commune_police")
		upTo(t, d, "send")
		id, entries := w.visit, w.journal
		if err := d.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.visit, w.journal = id, entries
		d = w.desk(t, "commune_police")
		if err := d.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantView(t, d, StepDone, "", "")
		if w.visit != "" {
			t.Error("the journal of a queued visit is kept")
		}
	})
}
