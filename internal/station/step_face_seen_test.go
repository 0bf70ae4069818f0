package station

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// TestFaceSeenBefore: what was warned of is on the screen, over a killed daemon
// too, and in the request; a look that fails stops nobody.
func TestFaceSeenBefore(t *testing.T) {
	for name, c := range map[string]struct {
		codes  []eid.Code
		err    error
		unsure bool
	}{
		"nobody":          {},
		"twice":           {codes: []eid.Code{eid.CodeFaceTwice, eid.CodeFaceOfficer}},
		"twice, in doubt": {codes: []eid.Code{eid.CodeFaceTwice}, unsure: true},
		"no look":         {err: errors.New("worker is gone")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.unsure = c.unsure
			d := w.desk(t, "commune_police")
			asked := 0
			d.seen = func(_ context.Context, visit, person string, live []eid.FaceSample) ([]eid.Code, error) {
				asked++
				if visit != d.View().ID || person != "099190000011" || len(live) == 0 {
					t.Errorf("asked for %q, %q, %d frames", visit, person, len(live))
				}
				return c.codes, c.err
			}
			upTo(t, d, "face")
			if err := d.CaptureFace(t.Context()); err != nil {
				t.Fatal(err)
			}
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			d = w.desk(t, "commune_police")
			if err := d.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, code := range c.codes {
				if !slices.ContainsFunc(d.View().Warnings, func(f eid.Failure) bool { return f.Code == code }) {
					t.Errorf("%s is not on the screen", code)
				}
			}
			if c.unsure {
				if err := d.AcceptFace(t.Context(), eid.ReviewAge, ""); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range stages[3:] {
				if err := s.do(t.Context(), d); err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
			signed := w.rows[d.View().ID].Warnings
			for _, code := range []eid.Code{eid.CodeFaceTwice, eid.CodeFaceOfficer} {
				if slices.Contains(signed, code) != slices.Contains(c.codes, code) {
					t.Errorf("the request warns of %v, want %v", signed, c.codes)
				}
			}
		})
	}
}

// TestStrangerIsNotLookedFor: a face that is not the holder's is nobody's.
func TestStrangerIsNotLookedFor(t *testing.T) {
	w := newWorld()
	w.stranger = true
	d := w.desk(t, "commune_police")
	d.seen = func(context.Context, string, string, []eid.FaceSample) ([]eid.Code, error) {
		t.Error("a stranger was looked for")
		return nil, nil
	}
	upTo(t, d, "face")
	wantCode(t, d.CaptureFace(t.Context()), eid.CodeFaceMismatch)
}

func TestIdentity(t *testing.T) {
	a, b := citizenCard().Holder, passport().Holder
	if identity(a) != "099190000011" || identity(b) == identity(eid.Holder{}) || identity(b) == identity(a) {
		t.Errorf("identities %q, %q", identity(a), identity(b))
	}
}
