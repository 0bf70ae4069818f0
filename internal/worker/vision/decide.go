package vision

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/engines"
	"github.com/enrold/enrold/match/face/policy"
)

// decider is what decides at this desk: the models, the limits in force, the
// policy, and what is wrong with them.
type decider struct {
	*engines.Engines
	manifest face.Manifest // of the recogniser, with the limits in force
	policy   policy.Policy
	warning  eid.Code
	digests  []eid.Digest // of every file that takes part
}

// openDecider loads the models that cfg asks for: those named, or the best that
// are installed. Its errors are eid.CodeModels and eid.CodeCalibration.
func openDecider(cfg config.Config) (*decider, error) {
	e, err := chooseEngines(cfg)
	if err != nil {
		return nil, err
	}
	d := &decider{
		Engines: e, manifest: e.Recogniser(), warning: warnings[e.Choice.Warning],
		policy: policy.Policy{FMR: cmp.Or(cfg.Face.FMR, config.DefaultFMR), Production: cfg.Desk.Production},
	}
	for _, m := range e.Models {
		for _, f := range m.Files {
			sum, err := hex.DecodeString(f.SHA256) // which the file was checked against
			if err != nil {
				return nil, fmt.Errorf("read digest of %s: %w", f.Name, err)
			}
			d.digests = append(d.digests, eid.Digest{Kind: "model", Name: f.Name, SHA256: sum})
		}
	}
	if cfg.Face.Calibration == "" {
		return d, nil
	}
	if err := d.calibrate(cfg.Face.Calibration); err != nil {
		_ = e.Close() // the first error is the one to tell
		return nil, err
	}
	return d, nil
}

// chooseEngines gives a production desk models that may decide there, if it has
// any: the better pilot set would leave every match to the officer.
func chooseEngines(cfg config.Config) (*engines.Engines, error) {
	if cfg.Face.Engine == "" && cfg.Desk.Production {
		if e, err := engines.Open(cfg.Face.Models, "intel"); err == nil {
			return e, nil
		}
	}
	return engines.Open(cfg.Face.Models, cfg.Face.Engine)
}

var warnings = map[engines.Warning]eid.Code{
	engines.WarnPilot:           eid.CodeModelsPilot,
	engines.WarnRegistryOnly:    eid.CodeModelsBasic,
	engines.WarnNotForDecisions: eid.CodeModelsUnfit,
}

// maxCalibration bounds the file that is read; package policy bounds it again.
const maxCalibration = 2 << 20

// calibrate takes the limits of a calibration file.
func (d *decider) calibrate(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return eid.Fail(eid.CodeCalibration, "open calibration", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCalibration))
	if err != nil {
		return eid.Fail(eid.CodeCalibration, "read calibration", err)
	}
	c, err := policy.ReadCalibration(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if d.manifest, err = c.Apply(d.manifest); err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	d.digests = append(d.digests, eid.Digest{Kind: "calibration", Name: c.Set, SHA256: sum[:]})
	d.warning = policy.Warning(d.manifest)
	return nil
}
