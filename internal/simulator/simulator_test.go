package simulator

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

func body(procedure eid.ProcedureKind, seq int64) request.Body {
	return request.Body{DeskID: "desk-1", Seq: seq, Request: station.Request{ID: uuid.NewString(), Procedure: procedure}}
}

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "databases.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestChance(t *testing.T) {
	c := Config{Seed: 7, IDCards: Database{NeedsCorrection: 0.2, Rejected: 0.1, Activated: 0.5, Activation: Range{Duration(time.Hour), Duration(2 * time.Hour)}}}
	one, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := New(c, nil) // another process
	if err != nil {
		t.Fatal(err)
	}
	n, counts, activated := 4000, map[wire.State]int{}, 0
	for i := range n {
		b := body(eid.CitizenLevel2, int64(i+1))
		v, err := one.Decide(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := two.Decide(t.Context(), b); err != nil || again != v {
			t.Fatalf("%+v, then %+v (%v)", v, again, err)
		}
		counts[v.State]++
		if done, after, err := one.Activated(t.Context(), ident(b), time.Now().Add(-3*time.Hour)); err != nil || done != (after != never) {
			t.Fatalf("activation = %v, %v, %v", done, after, err)
		} else if done {
			activated++
		}
	}
	for state, want := range map[wire.State]float64{wire.StateNeedsCorrection: 0.2, wire.StateRejected: 0.1, wire.StateGranted: 0.7} {
		if got := float64(counts[state]) / float64(n); got < want-0.04 || got > want+0.04 {
			t.Errorf("%s: %.3f, want about %.2f", state, got, want)
		}
	}
	if got := float64(activated) / float64(n); got < 0.46 || got > 0.54 {
		t.Errorf("activated: %.3f, want about 0.5", got)
	}
}

func TestDelayAndOutage(t *testing.T) {
	c, err := load(t, `
[immigration]
delay = ["10s", "10s"]
outage = { every = "10m", lasts = "1m" }`)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := New(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		foreigner := body(eid.ForeignerLevel2, 1)
		if _, err := s.Decide(t.Context(), foreigner); !errors.Is(err, ErrDown) {
			t.Fatalf("in the outage = %v", err)
		}
		if v, err := s.Decide(t.Context(), body(eid.CitizenLevel2, 2)); err != nil || v.State != wire.StateGranted {
			t.Fatalf("the other database = %+v, %v", v, err)
		}
		time.Sleep(time.Minute)
		accepted := time.Now()
		v, err := s.Decide(t.Context(), foreigner)
		if err != nil || v.State != wire.StateAccepted || v.After != 10*time.Second {
			t.Fatalf("after the outage = %+v, %v", v, err)
		}
		time.Sleep(4 * time.Second)
		if v, err = s.Resume(t.Context(), foreigner, accepted); err != nil || v.State != wire.StateAccepted || v.After != 6*time.Second {
			t.Fatalf("too early = %+v, %v", v, err)
		}
		time.Sleep(v.After)
		if v, err = s.Resume(t.Context(), foreigner, accepted); err != nil || v.State != wire.StateGranted {
			t.Fatalf("in time = %+v, %v", v, err)
		}
	})
}

func TestScript(t *testing.T) {
	c, err := load(t, `
[[script]]
desk = "desk-1"
seq = 1
state = "needs_correction"
reason = "photo_too_old"
[[script]]
desk = "desk-1"
seq = 2
state = "granted"
activate = "48h"`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Decide(t.Context(), body(eid.CitizenLevel2, 1)); err != nil || v.State != wire.StateNeedsCorrection || v.Reason != "photo_too_old" {
		t.Fatalf("scripted = %+v, %v", v, err)
	}
	second := ident(body(eid.CitizenLevel2, 2))
	for granted, want := range map[time.Duration]bool{47 * time.Hour: false, 49 * time.Hour: true} {
		if done, _, err := s.Activated(t.Context(), second, time.Now().Add(-granted)); err != nil || done != want {
			t.Errorf("activated %v after the grant = %v, %v", granted, done, err)
		}
	}
}

func TestBadConfig(t *testing.T) {
	for name, text := range map[string]string{
		"unknown key":          "x = 1",
		"share over 1":         "[id_cards]\nrejected = 1.5",
		"shares over 1":        "[id_cards]\nrejected = 0.6\nneeds_correction = 0.6",
		"range upside down":    "[id_cards]\ndelay = [\"2s\", \"1s\"]",
		"negative time":        "[id_cards]\ndelay = [\"-2s\", \"1s\"]",
		"outage for ever":      "[id_cards]\noutage = { every = \"1s\", lasts = \"1s\" }",
		"script about nothing": "[[script]]\nstate = \"granted\"",
		"rejected, no reason":  "[[script]]\ndesk = \"d\"\nseq = 1\nstate = \"rejected\"",
		"a state of ours":      "[[script]]\ndesk = \"d\"\nseq = 1\nstate = \"received\"",
	} {
		if c, err := load(t, text); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
	if _, err := Load("/nonexistent"); err == nil {
		t.Error("a missing file was read")
	}
}
