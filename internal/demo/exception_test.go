package demo

import (
	"os"
	"testing"

	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/hw/emu/swtpm"
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
	plan := planFor(t, d, p, eid.CitizenLevel2)
	plan.Sign = true
	plan.Except = &e2e.Exception{Position: eid.LeftIndex, Reason: "bandaged", Wrong: "demo-officer", Supervisor: supervisorID, PINs: []string{"000000", supervisorPIN}}
	driveToGranted(t, d, plan)
}

// TestSecondOfficer on a desk whose keys are in emulated hardware: an exception
// needs the supervisor's own token and PIN. His name is not enough, nor is the
// officer's PIN; the officer's shift goes on; the central takes the request, since
// it has taken in both keys.
func TestSecondOfficer(t *testing.T) {
	if !swtpm.Installed() || softtoken.Module() == "" {
		t.Skip("swtpm or SoftHSM is not installed: run `make setup`")
	}
	p := Persona{Person: 2}
	d, _ := startDesk(t, Options{Hardware: true}, p)
	all := steps(t, d, p)
	for _, s := range all[:3] { // start, chip, face
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	except := func(position eid.FingerPosition, supervisor, pin string) error {
		_, err := d.Screen.Act(t.Context(), "exception", map[string]any{"position": position, "reason": "worn", "supervisor": supervisor, "pin": pin})
		return err
	}
	for name, c := range map[string]struct {
		supervisor, pin string
		want            eid.Code
	}{
		"the officer himself":          {"demo-officer", tokenPIN, eid.CodeSupervisor},
		"a name that nobody knows":     {"chief", supervisorPIN, eid.CodeSupervisor},
		"a name without proof":         {supervisorID, "", eid.CodePINWrong},
		"a name and the officer's PIN": {supervisorID, tokenPIN, eid.CodePINLow},
	} {
		if err := except(eid.LeftIndex, c.supervisor, c.pin); codeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := d.Screen.Act(t.Context(), "exception/refuse", map[string]any{"position": eid.LeftIndex}); codeOf(err) != eid.CodeExceptionRefused {
		t.Errorf("the supervisor's no: %v", err)
	}
	if err := except(eid.LeftIndex, supervisorID, supervisorPIN); err != nil {
		t.Fatal(err)
	}
	// The right finger, contacts, consent, send: by the officer's token, which is open still.
	for _, s := range append(all[3:5:5], all[len(all)-3:]...) {
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	rows, err := d.Screen.Queue(t.Context())
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if row, err := d.settled(t.Context(), rows[0].ID); err != nil || row.State != "granted" {
		t.Fatalf("%+v, %v", row, err)
	}
}
