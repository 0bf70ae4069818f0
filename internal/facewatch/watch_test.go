package facewatch

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// plainKey seals nothing: the file's own tests are in queue/faces.
type plainKey struct{}

func (plainKey) Seal(b []byte) ([]byte, error)   { return slices.Clone(b), nil }
func (plainKey) Unseal(b []byte) ([]byte, error) { return slices.Clone(b), nil }

type world struct {
	o        Options
	now      time.Time
	template []float32 // what the camera sees
	waiting  map[string]bool
	visits   byte
}

func newWorld(t *testing.T) *world {
	w := &world{now: time.Unix(1_800_000_000, 0), waiting: map[string]bool{}}
	w.o = Options{
		Dir: t.TempDir(), Key: plainKey{}, Log: slog.New(slog.DiscardHandler),
		Now:   func() time.Time { return w.now },
		Waits: func(_ context.Context, id string) (bool, error) { return w.waiting[id], nil },
		Describe: func(context.Context, []eid.FaceSample) (Description, error) {
			if w.template == nil {
				return Description{}, nil
			}
			return Description{Model: "m", Template: slices.Clone(w.template), Alike: 0.5}, nil
		},
	}
	return w
}

func (w *world) open(t *testing.T) *Watch {
	t.Helper()
	watch, err := Open(w.o)
	if err != nil {
		t.Fatal(err)
	}
	return watch
}

func face(i int) []float32 {
	t := make([]float32, 128)
	t[i] = 1
	return t
}

// visit is one visit up to its end.
func (w *world) visit(t *testing.T, watch *Watch, number string, template []float32, queued bool) (id string, codes []eid.Code) {
	t.Helper()
	w.template = template
	w.visits++
	id = formatID([16]byte{15: w.visits, 0: 1})
	codes, err := watch.Seen(t.Context(), id, number, nil)
	if err == nil {
		err = watch.Ended(id, queued)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.waiting[id] = queued
	return id, codes
}

func TestTwice(t *testing.T) {
	w := newWorld(t)
	watch := w.open(t)
	want := func(what string, got []eid.Code, codes ...eid.Code) {
		t.Helper()
		if !slices.Equal(got, codes) {
			t.Errorf("%s: %v, want %v", what, got, codes)
		}
	}
	first, codes := w.visit(t, watch, "099000000001", face(1), true)
	want("first", codes)
	_, codes = w.visit(t, watch, "099000000001", face(1), false)
	want("the same person again", codes)
	_, codes = w.visit(t, watch, "099000000002", face(2), false)
	want("another face", codes)
	_, codes = w.visit(t, watch, "099000000002", face(1), false)
	want("the same face, another identity", codes, eid.CodeFaceTwice)
	if watch.Len() != 1 {
		t.Errorf("%d faces held: only one visit was queued", watch.Len())
	}

	if err := watch.Close(); err != nil { // a restart
		t.Fatal(err)
	}
	watch = w.open(t)
	_, codes = w.visit(t, watch, "099000000003", face(1), false)
	want("after a restart", codes, eid.CodeFaceTwice)

	w.waiting[first] = false // the receipt came
	if err := watch.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, codes = w.visit(t, watch, "099000000003", face(1), false)
	want("after the receipt", codes)
	if err := watch.Close(); err != nil {
		t.Fatal(err)
	}
	watch = w.open(t)
	defer watch.Close()
	if watch.Len() != 0 {
		t.Error("the file still holds the face of a sent request")
	}
}

func TestLife(t *testing.T) {
	w := newWorld(t)
	watch := w.open(t)
	defer watch.Close()
	w.visit(t, watch, "099000000001", face(1), true)
	for _, c := range []struct {
		later time.Duration
		held  int
	}{{Life - time.Second, 1}, {time.Second, 0}} {
		w.now = w.now.Add(c.later)
		if err := watch.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if watch.Len() != c.held {
			t.Errorf("%d faces held, want %d", watch.Len(), c.held)
		}
	}
}

func TestOfficer(t *testing.T) {
	w := newWorld(t)
	watch := w.open(t)
	defer watch.Close()
	if err := watch.AddOfficer("cb-01", Description{Model: "m", Template: face(7)}); err != nil {
		t.Fatal(err)
	}
	if err := watch.AddOfficer("cb-01", Description{}); eid.CodeOf(err) != eid.CodeModels {
		t.Errorf("without a fit model: %v", err)
	}
	w.now = w.now.Add(10 * Life)
	if err := watch.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, codes := w.visit(t, watch, "099000000001", face(7), false); !slices.Equal(codes, []eid.Code{eid.CodeFaceOfficer}) {
		t.Errorf("an officer's own visit: %v", codes)
	}
	if err := watch.ForgetOfficers(); err != nil {
		t.Fatal(err)
	}
	if _, codes := w.visit(t, watch, "099000000001", face(7), false); len(codes) != 0 {
		t.Errorf("a forgotten officer: %v", codes)
	}
}

func TestNoFitModel(t *testing.T) {
	w := newWorld(t)
	watch := w.open(t)
	defer watch.Close()
	if _, codes := w.visit(t, watch, "099000000001", nil, true); len(codes) != 0 || watch.Len() != 0 {
		t.Errorf("warned %v and held %d faces without a model that is fit", codes, watch.Len())
	}
}
