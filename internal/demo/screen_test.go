package demo

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web/e2e"
)

// TestOfficerFinishesAVisitByKeyboard drives the real screen of a whole desk in
// Chromium with nothing but keys. Set ENROLD_SHOTS to keep the screenshots.
func TestOfficerFinishesAVisitByKeyboard(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
			t.Fatal("chromium is missing: run `make setup`")
		}
		t.Skip("chromium is missing: run `make setup` for the screen's test")
	}
	for _, kind := range []eid.ProcedureKind{eid.CitizenLevel2, eid.ForeignerLevel2} {
		t.Run(string(kind), func(t *testing.T) {
			p := Persona{Person: 1}
			d, _ := startDesk(t, Options{Procedure: kind}, p)
			plan := planFor(t, d, p, kind)
			who := person(t, p)
			plan.Email = who.Contacts.Email.Reveal()
			if kind == eid.ForeignerLevel2 {
				plan.Residence, plan.English = &who.Residence, true
			}
			got := driveToGranted(t, d, plan)
			if len(got.Shots) < 6 {
				t.Errorf("only %d screenshots", len(got.Shots))
			}
		})
	}
}

func person(t *testing.T, p Persona) persons.Person {
	t.Helper()
	who, err := persons.Get(p.Person)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// planFor is what an officer types for a persona.
func planFor(t *testing.T, d *Desk, p Persona, kind eid.ProcedureKind) e2e.Plan {
	t.Helper()
	key, err := d.Key(p)
	if err != nil {
		t.Fatal(err)
	}
	return e2e.Plan{
		Procedure: kind, Number: key.Number.Reveal(), Birth: key.Birth, Expiry: key.Expiry,
		Phone: person(t, p).Contacts.Phone.Reveal(), Settle: 30 * time.Second,
	}
}

// driveToGranted plays plan in Chromium until the request is granted.
func driveToGranted(t *testing.T, d *Desk, plan e2e.Plan) e2e.Result {
	t.Helper()
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
	return got
}
