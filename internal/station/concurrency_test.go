package station

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/enrold/enrold/internal/eid"
)

func TestAbandonCancelsTheRunningOperation(t *testing.T) {
	for _, c := range []struct{ stage, method, busy string }{
		{"chip", "ReadChip", "chip"}, {"face", "CaptureFace", "face"}, {"right index 1", "CaptureFinger", "finger"},
	} {
		t.Run(c.stage, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				d := w.desk(t, "commune_police")
				upTo(t, d, c.stage)
				w.block[c.method] = make(chan struct{})
				done := make(chan error, 1)
				go func() { done <- stages[stageIndex(c.stage)].do(t.Context(), d) }()
				synctest.Wait()
				if v := d.View(); v.Busy != c.busy {
					t.Errorf("busy %q, want %q", v.Busy, c.busy)
				}
				for _, s := range stages {
					wantCode(t, s.do(t.Context(), d), eid.CodeDeviceBusy)
				}
				if err := d.Abandon(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("the operation ended with %v", err)
				}
				w.block = map[string]chan struct{}{}
				ended(t, w, d, StepAbandon, "", stages[stageIndex(c.stage)].at)
			})
		})
	}
}

// TestCallerGoesAway: a screen that closes leaves the step open, without blame.
func TestCallerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := w.desk(t, "commune_police")
		upTo(t, d, "face")
		w.block["CaptureFace"] = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.CaptureFace(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if v := wantView(t, d, StepFace, "", ""); v.Busy != "" || v.AttemptsLeft[keyFace] != 3 {
			t.Errorf("busy %q, attempts left %v", v.Busy, v.AttemptsLeft)
		}
	})
}

// TestSendIsNotCutInTwo: abandoning while the request is being queued waits for
// it, and then it is too late.
func TestSendIsNotCutInTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := w.desk(t, "commune_police")
		upTo(t, d, "send")
		release := make(chan struct{})
		w.block["Enqueue"] = release
		sent, abandoned := make(chan error, 1), make(chan error, 1)
		go func() { sent <- d.Send(t.Context()) }()
		synctest.Wait()
		go func() { abandoned <- d.Abandon(t.Context()) }()
		synctest.Wait()
		close(release)
		if err := <-sent; err != nil {
			t.Error(err)
		}
		wantCode(t, <-abandoned, eid.CodeState)
		wantView(t, d, StepDone, "", "")
		if len(w.rows) != 1 {
			t.Errorf("%d rows", len(w.rows))
		}
	})
}

func TestEventsOfAStep(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "chip")
	events, leave := d.Subscribe()
	if e := <-events; e.Kind != "visit" || e.Visit.Step != StepDocument {
		t.Errorf("first event %+v", e)
	}
	upToFrom(t, d, 1, 4)
	leave()
	leave() // harmless
	seen := map[string]bool{}
	var last *View
	for e := range events {
		seen[e.Kind+" "+e.Step+" "+e.Text] = true
		if e.Kind == "visit" {
			last = e.Visit
		}
		if e.Text == "place" && (e.Position != eid.RightIndex || e.Nth != 1) {
			t.Errorf("prompt %+v", e)
		}
	}
	for _, want := range []string{"progress chip DG2", "prompt face closer", "prompt finger place"} {
		if !seen[want] {
			t.Errorf("no event %q in %v", want, seen)
		}
	}
	if last == nil || last.Busy != "" || last.Fingers[0].Impressions != 1 {
		t.Errorf("last view %+v", last)
	}
}

func upToFrom(t *testing.T, d *Desk, from, to int) {
	t.Helper()
	for _, s := range stages[from:to] {
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
}

// TestSlowSubscriber never reads while a visit runs: it blocks nobody and finds
// the newest view.
func TestSlowSubscriber(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	events, leave := d.Subscribe()
	for range 3 {
		upTo(t, d, "")
	}
	if len(events) != eventBuffer {
		t.Errorf("%d events wait, want %d", len(events), eventBuffer)
	}
	for range 10 * eventBuffer {
		d.events.passing(Event{Kind: "progress"})
	}
	leave()
	var last *View
	for e := range events {
		if e.Kind == "visit" {
			last = e.Visit
		}
	}
	if last == nil || last.ID != d.View().ID || last.Step != StepDone {
		t.Errorf("the newest view is lost: %+v", last)
	}
}

// TestManyCallers is for the race detector: everybody calls everything.
func TestManyCallers(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			events, leave := d.Subscribe()
			defer leave()
			for range 15 {
				for _, s := range stages {
					_ = s.do(t.Context(), d) // most are refused as busy or out of order
					d.View()
				}
				for len(events) > 0 {
					<-events
				}
			}
		})
	}
	wg.Wait()
	for id := range w.rows {
		if id == "" {
			t.Error("a request without an id is queued")
		}
	}
	if len(w.rows) == 0 {
		t.Error("nobody finished a visit")
	}
}
