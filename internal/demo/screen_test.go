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
			person, err := persons.Get(p.Person)
			if err != nil {
				t.Fatal(err)
			}
			key, err := d.Key(p)
			if err != nil {
				t.Fatal(err)
			}
			plan := e2e.Plan{
				Procedure: kind, Number: key.Number.Reveal(), Birth: key.Birth, Expiry: key.Expiry,
				Phone: person.Contacts.Phone.Reveal(), Email: person.Contacts.Email.Reveal(), Settle: 30 * time.Second,
			}
			if kind == eid.ForeignerLevel2 {
				plan.Residence, plan.English = &person.Residence, true
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
			if len(got.Shots) < 6 {
				t.Errorf("only %d screenshots", len(got.Shots))
			}
			t.Logf("%d keys, %d screenshots, %v", got.Keys, len(got.Shots), got.Took.Round(time.Millisecond))
		})
	}
}
