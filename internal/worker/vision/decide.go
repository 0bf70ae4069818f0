package vision

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/engines"
	"github.com/enrold/enrold/match/face/external"
	"github.com/enrold/enrold/match/face/policy"
)

// decider is what decides at this desk: the models, the limits in force, the
// policy, and what is wrong with them.
type decider struct {
	*engines.Engines
	manifest face.Manifest // of the recogniser, with the limits in force
	policy   policy.Policy
	warning  eid.Code
	digests  []eid.Digest     // of every file that takes part
	outside  *external.Engine // nil without an external engine
	last     lastPerson
}

// Close frees the models and ends the external engine. No call may be under way.
func (d *decider) Close() error {
	d.last.close()
	err := d.Engines.Close()
	if d.outside != nil {
		err = errors.Join(err, d.outside.Close())
	}
	return err
}

// openDecider loads the models that cfg asks for: those named, or the best that
// are installed. Its errors are eid.CodeModels and eid.CodeCalibration.
func openDecider(cfg config.Config, log *slog.Logger) (*decider, error) {
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
	if cfg.Face.External != "" {
		err = d.useExternal(cfg.Face.External, log)
	}
	if err == nil && cfg.Face.Calibration != "" {
		err = d.calibrate(cfg.Face.Calibration)
	}
	if err != nil {
		_ = d.Close() // the first error is the one to tell
		return nil, err
	}
	return d, nil
}

// useExternal lets an engine outside of this process decide. One that does not
// find faces itself gets the points of the desk's own detector.
func (d *decider) useExternal(place string, log *slog.Logger) (err error) {
	if d.outside, err = external.Open(context.Background(), place, d.policy.FMR, log); err != nil {
		return err
	}
	switch {
	case d.outside.Detects():
		d.Engine = d.outside
	case d.Detector == nil:
		return eid.Fail(eid.CodeModels, "use external engine", errors.New("it needs points, and no detector is installed that finds them"))
	default:
		d.Engine = &face.Pipeline{Detector: d.Detector, Describer: d.outside.Describer(), FMR: d.policy.FMR}
	}
	d.manifest = d.outside.Manifest()
	d.warning = policy.Warning(d.manifest)
	program, ok := strings.CutPrefix(place, "exec:")
	if !ok {
		return nil // who serves a socket is the office's to know
	}
	file := strings.Fields(program)[0]
	data, err := os.ReadFile(file)
	if err != nil {
		return eid.Fail(eid.CodeFaceEngine, "digest external engine", err)
	}
	sum := sha256.Sum256(data)
	d.digests = append(d.digests, eid.Digest{Kind: "model", Name: filepath.Base(file), SHA256: sum[:]})
	return nil
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
