package demo

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web/e2e"
)

// TestFingerThatCannotBeTaken: by keyboard on a whole desk, one finger is left out
// by a supervisor and the consent is signed on the screen; the central takes it.
func TestFingerThatCannotBeTaken(t *testing.T) {
	if _, err := e2e.Available(); err != nil {
		if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
			t.Fatal("chromium is missing: run `make setup`")
		}
		t.Skip("chromium is missing: run `make setup` for the screen's test")
	}
	p := Persona{Person: 1}
	d, _ := startDesk(t, Options{Procedure: eid.CitizenLevel2}, p)
	person, err := persons.Get(p.Person)
	if err != nil {
		t.Fatal(err)
	}
	key, err := d.Key(p)
	if err != nil {
		t.Fatal(err)
	}
	plan := e2e.Plan{
		Procedure: eid.CitizenLevel2, Number: key.Number.Reveal(), Birth: key.Birth, Expiry: key.Expiry,
		Phone: person.Contacts.Phone.Reveal(), Settle: 30 * time.Second,
		Except: &e2e.Exception{Position: eid.LeftIndex, Reason: "bandaged", Wrong: "demo-officer", Supervisor: "demo-supervisor"}, Sign: true,
	}
	shots := os.Getenv("ENROLD_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	got, err := e2e.Drive(ctx, d.URL, shots, plan)
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != "done" || got.Outcome != "granted" {
		t.Fatalf("the screen ended at %s, %s %s", got.Step, got.Outcome, got.Code)
	}
	t.Logf("%d keys, %d screenshots, %v", got.Keys, len(got.Shots), got.Took.Round(time.Millisecond))
}
