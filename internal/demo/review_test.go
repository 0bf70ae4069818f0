package demo

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/hw/emu/swtpm"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web/e2e"
)

// TestOfficerDecidesOnAFace: a desk whose only engine may not decide leaves each
// face that it finds alike to the officer. By keyboard in Chromium he reads why
// and by which model, is refused with a wrong PIN, gives his word by the right
// one, and the request is granted.
func TestOfficerDecidesOnAFace(t *testing.T) {
	if _, err := e2e.Available(); err != nil || !swtpm.Installed() || softtoken.Module() == "" {
		if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
			t.Fatal("chromium, swtpm or SoftHSM is missing: run `make setup`")
		}
		t.Skip("chromium, swtpm or SoftHSM is missing: run `make setup` for the screen's test")
	}
	p := Persona{Person: 1}
	d, _ := startDesk(t, Options{Engine: "dlib", Hardware: true}, p)
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
		Review: &e2e.Review{
			Reason: eid.ReviewAge, PINs: []string{"000000", tokenPIN},
			Words: []string{"dlib-resnet-v1-", "không được phép tự quyết định"},
		},
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
	v, err := d.Screen.Visit(t.Context())
	if err != nil || v.FaceAttested == nil || v.FaceAttested.Reason != eid.ReviewAge || v.Face.Outcome != eid.FaceReview {
		t.Errorf("view %+v, %v", v, err)
	}
	t.Logf("%d keys, %d screenshots, %v", got.Keys, len(got.Shots), got.Took.Round(time.Millisecond))
}
