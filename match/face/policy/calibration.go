package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/face"
)

// Calibration is what comparing labelled pairs of one model showed, and the
// limits that follow. It is the file of `enrold calibrate face`; it holds no
// template, image or name.
type Calibration struct {
	Format int         `json:"format"` // 1
	Set    string      `json:"calibration_set"`
	Model  string      `json:"model"`
	Engine string      `json:"engine"`
	Metric face.Metric `json:"metric"`
	Made   time.Time   `json:"made"`

	Images  int              `json:"images"`
	Failed  int              `json:"failures_to_acquire"` // images without a template
	Mated   int              `json:"mated_pairs"`
	NonMate int              `json:"non_mated_pairs"`
	EER     float64          `json:"eer"`
	EERSpan evaluation.Range `json:"eer_by_image"` // 95 %, resampling images

	Points []Point `json:"points"` // the strictest rate first
	Groups []Group `json:"groups,omitempty"`
}

// Point is the limit for one false match rate.
type Point struct {
	FMR float64 `json:"fmr"` // wanted
	// Supported says that there are pairs enough to know: 3/FMR of them (the rule
	// of three). A limit that is not supported is never used.
	Supported bool             `json:"supported"`
	Limit     float64          `json:"limit"` // of the score, in the model's metric
	Matches   evaluation.Rate  `json:"fmr_measured"`
	MatchSpan evaluation.Range `json:"fmr_by_image"`
	NonMatch  evaluation.Rate  `json:"fnmr"`
	NonSpan   evaluation.Range `json:"fnmr_by_image"`
}

// Group are the rates of one group at the limits that all groups share.
type Group struct {
	Name    string      `json:"name"` // "sex=F", "age=60+"
	Mated   int         `json:"mated_pairs"`
	NonMate int         `json:"non_mated_pairs"`
	EER     float64     `json:"eer"`
	At      []GroupRate `json:"at"`
}

// GroupRate are one group's rates at the limit for FMR.
type GroupRate struct {
	FMR      float64         `json:"fmr"`
	Matches  evaluation.Rate `json:"fmr_measured"`
	NonMatch evaluation.Rate `json:"fnmr"`
}

const (
	calibrationFormat = 1
	maxCalibration    = 1 << 20
	// reviewFMR is the rate of the limit under which a face is somebody else's.
	reviewFMR = 0.01
)

// ReadCalibration reads and checks a calibration file; a bad one is
// eid.CodeCalibration.
func ReadCalibration(r io.Reader) (Calibration, error) {
	const op = "read calibration"
	var c Calibration
	data, err := io.ReadAll(io.LimitReader(r, maxCalibration+1))
	if err == nil && len(data) > maxCalibration {
		err = fmt.Errorf("more than %d bytes", maxCalibration)
	}
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return Calibration{}, eid.Fail(eid.CodeCalibration, op, err)
	}
	return c, nil
}

func (c Calibration) check() error {
	switch {
	case c.Format != calibrationFormat:
		return fmt.Errorf("format %d: want %d", c.Format, calibrationFormat)
	case c.Set == "" || c.Model == "" || len(c.Set) > 200:
		return errors.New("it names no calibration set or model")
	case c.Metric != face.Cosine && c.Metric != face.Euclidean:
		return fmt.Errorf("metric %q", c.Metric)
	}
	supported := false
	for _, p := range c.Points {
		if !(p.FMR > 0 && p.FMR < 1) || math.IsNaN(p.Limit) || math.IsInf(p.Limit, 0) {
			return errors.New("a point has no rate or limit")
		}
		if p.Supported && !evaluation.RuleOfThree(p.FMR, c.NonMate) {
			return fmt.Errorf("%d non-mated pairs cannot support a false match rate of %g", c.NonMate, p.FMR)
		}
		supported = supported || p.Supported
	}
	if !supported {
		return errors.New("no limit is supported by enough pairs")
	}
	return nil
}

// Apply returns m with the calibration's limits in the place of its own. A
// model that was calibrated on an office's own pairs may decide. Another model
// is eid.CodeCalibration: limits never wander between models.
func (c Calibration) Apply(m face.Manifest) (face.Manifest, error) {
	if c.Model != m.ID || c.Metric != m.Metric {
		return m, eid.Fail(eid.CodeCalibration, "apply calibration", fmt.Errorf("it is for model %s (%s), not %s (%s)", c.Model, c.Metric, m.ID, m.Metric))
	}
	var all []face.Threshold
	for _, p := range c.Points {
		if p.Supported {
			all = append(all, face.Threshold{FMR: p.FMR, Accept: p.Limit, Review: c.reviewLimit(p), CalibrationSet: c.Set})
		}
	}
	m.Thresholds, m.Decides = all, true
	return m, nil
}

// reviewLimit is the limit for reviewFMR, or p's own where that is looser or unknown.
func (c Calibration) reviewLimit(p Point) float64 {
	for _, q := range c.Points {
		if q.Supported && q.FMR == reviewFMR && p.FMR < reviewFMR {
			return q.Limit
		}
	}
	return p.Limit
}
