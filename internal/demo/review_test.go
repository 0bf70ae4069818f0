package demo

import (
	"os"
	"testing"

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
	plan := planFor(t, d, p, eid.CitizenLevel2)
	plan.Review = &e2e.Review{
		Reason: eid.ReviewAge, PINs: []string{"000000", tokenPIN},
		Words: []string{"dlib-resnet-v1-", "không được phép tự quyết định"},
	}
	driveToGranted(t, d, plan)
	v, err := d.Screen.Visit(t.Context())
	if err != nil || v.FaceAttested == nil || v.FaceAttested.Reason != eid.ReviewAge || v.Face.Outcome != eid.FaceReview {
		t.Errorf("view %+v, %v", v, err)
	}
}
