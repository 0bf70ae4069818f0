package vision

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
)

func decide(t *testing.T, cfg config.Config) *decider {
	t.Helper()
	if _, err := os.Stat(filepath.Join(models, "fr_feature.onnx")); err != nil {
		t.Skip("no models in build/: run make setup")
	}
	cfg.Face.Models = models
	d, err := openDecider(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func compared(t *testing.T, d *decider, portraitOf, liveOf int) eid.FaceDecision {
	t.Helper()
	call := compareCall{Portrait: portrait(t, portraitOf)}
	p, err := persons.Get(liveOf)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := p.Photos(photos)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths[1:4] {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		call.Live = append(call.Live, liveFrame{Image: data, Quality: 80})
	}
	out, err := d.compare(call)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWhoDecides: the same two persons under the engines and policies of a desk.
func TestWhoDecides(t *testing.T) {
	for name, c := range map[string]struct {
		cfg       config.Config
		same      eid.FaceOutcome
		reason    eid.FaceReason
		different eid.FaceOutcome
		warning   eid.Code
	}{
		"the registry's set at a pilot":     {config.Config{Face: config.Face{Engine: "faceplugin"}}, eid.FaceMatch, eid.FaceAlike, eid.FaceMismatch, eid.CodeModelsBasic},
		"the registry's set, in production": {config.Config{Face: config.Face{Engine: "faceplugin"}, Desk: config.Desk{Production: true}}, eid.FaceReview, eid.FacePilotModel, eid.FaceMismatch, eid.CodeModelsBasic},
		"dlib":                              {config.Config{Face: config.Face{Engine: "dlib"}}, eid.FaceReview, eid.FaceUnfitModel, eid.FaceMismatch, eid.CodeModelsUnfit},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, c.cfg)
			same, different := compared(t, d, 0, 0), compared(t, d, 0, 1)
			if same.Outcome != c.same || same.Reason != c.reason || same.Warning != c.warning || same.Frames != 3 {
				t.Errorf("the same person: %+v", same)
			}
			if different.Outcome != c.different {
				t.Errorf("another person: %+v", different)
			}
			if len(d.digests) == 0 {
				t.Error("no digests")
			}
		})
	}
}

// TestExternalEngineDecides: without limits of the office's own each face goes to
// the officer; what decided is named.
func TestExternalEngineDecides(t *testing.T) {
	program := filepath.Join(t.TempDir(), "engine")
	if out, err := exec.Command("go", "build", "-o", program, "../../../internal/example/engine").CombinedOutput(); err != nil {
		t.Fatalf("build engine: %v\n%s", err, out)
	}
	d := decide(t, config.Config{Face: config.Face{External: "exec:" + program}})
	got := compared(t, d, 0, 0)
	if got.Outcome != eid.FaceReview || got.Reason != eid.FaceNoLimit || got.Engine != "external" || got.Model != "example-edges-1" || got.Threshold != 0 {
		t.Errorf("got %+v", got)
	}
	if last := d.digests[len(d.digests)-1]; last.Name != "engine" || len(last.SHA256) != 32 {
		t.Errorf("digest %+v", last)
	}
	// The office's own limits let it decide; it is a pilot's model all the same.
	file := filepath.Join(t.TempDir(), "c.json")
	text := `{"format":1,"calibration_set":"office 1","model":"example-edges-1","metric":"cosine","non_mated_pairs":5000,
		"points":[{"fmr":0.001,"limit":-0.9,"supported":true}]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d = decide(t, config.Config{Face: config.Face{External: "exec:" + program, Calibration: file}})
	if got := compared(t, d, 0, 0); got.Outcome != eid.FaceMatch || got.CalibrationSet != "office 1" || got.FMR != 0.001 || got.Warning != eid.CodeModelsPilot {
		t.Errorf("calibrated: %+v", got)
	}
	// Limits of one model are never those of another.
	cfg := config.Config{Face: config.Face{Models: models, Engine: "faceplugin", Calibration: file}}
	if d, err := openDecider(cfg, slog.New(slog.DiscardHandler)); eid.CodeOf(err) != eid.CodeCalibration {
		t.Errorf("another model's limits: %v, %v", d, err)
	}
}
