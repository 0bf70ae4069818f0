// Package policy decides from scores: whether the face before the camera is the
// one of the chip's portrait, is not, or is left to the officer.
//
// Limits come from false match rates on a named calibration set (ISO/IEC
// 19795-1), never from a round number: the limits customary with Western sets
// let through ten and more times as many impostors on others. No Vietnamese set
// exists; an office makes its own by [Fit].
package policy

import (
	"fmt"
	"math"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Policy is how a desk decides.
type Policy struct {
	// FMR is the false match rate at most, on the calibration set, of the limit
	// from which no officer is asked.
	FMR float64
	// Production desks leave every match of a pilot model to the officer.
	Production bool
}

// Frame is one live frame's template and the quality that the camera gave it.
type Frame struct {
	Template face.Template
	Quality  int // 0..100
}

// Decide compares the mean of the live frames with the portrait, both of model
// m. It fails only for templates that are not of m.
func (p Policy) Decide(m face.Manifest, portrait face.Template, live []Frame) (eid.FaceDecision, error) {
	d, person, err := p.decide(m, portrait, live)
	person.Wipe()
	return d, err
}

// decide also gives the mean that was compared.
func (p Policy) decide(m face.Manifest, portrait face.Template, live []Frame) (d eid.FaceDecision, mean face.Template, err error) {
	used := gate(live)
	model := m.Model(p.FMR)
	templates := make([]face.Template, len(used))
	for i, f := range used {
		templates[i] = f.Template
	}
	if mean, err = model.Mean(templates...); err != nil {
		return d, face.Template{}, err
	}
	score, err := model.Score(portrait, mean)
	if err != nil {
		return d, face.Template{}, err
	}
	l := p.limits(m)
	d = eid.FaceDecision{
		Engine: m.Engine, Model: m.ID, Metric: string(m.Metric), Score: score,
		Threshold: l.accept.value, Review: l.review.value, FMR: l.fmr, CalibrationSet: l.set,
		Frames: len(used), LeftOut: len(live) - len(used), Warning: Warning(m),
	}
	one, err := onePerson(model, templates, l)
	if err != nil {
		return eid.FaceDecision{}, face.Template{}, err
	}
	d.Outcome, d.Reason = eid.FaceMismatch, eid.FaceFramesDiffer
	if one {
		d.Outcome, d.Reason = p.judge(m, l, score)
	}
	d.Pass = d.Outcome == eid.FaceMatch
	return d, mean, nil
}

// judge turns a score into an outcome. Doubt goes to the officer, never to the
// person's favour.
func (p Policy) judge(m face.Manifest, l limits, score float64) (eid.FaceOutcome, eid.FaceReason) {
	switch {
	case math.IsNaN(score), l.review.known && !l.review.reached(m.Metric, score):
		return eid.FaceMismatch, eid.FaceUnlike
	case !m.Decides:
		return eid.FaceReview, eid.FaceUnfitModel
	case !l.accept.known:
		return eid.FaceReview, eid.FaceNoLimit
	case !l.accept.reached(m.Metric, score):
		return eid.FaceReview, eid.FaceUnsure
	case m.PilotOnly && p.Production:
		return eid.FaceReview, eid.FacePilotModel
	}
	return eid.FaceMatch, eid.FaceAlike
}

type limit struct {
	value float64
	known bool
}

func (l limit) reached(metric face.Metric, score float64) bool {
	if metric == face.Euclidean {
		return score <= l.value
	}
	return score >= l.value
}

type limits struct {
	accept, review limit
	fmr            float64
	set            string
}

// Limits are the limits in force for model m: Accept and FMR are 0 where it has
// none that strict.
func (p Policy) Limits(m face.Manifest) face.Threshold {
	l := p.limits(m)
	return face.Threshold{FMR: l.fmr, Review: l.review.value, Accept: l.accept.value, CalibrationSet: l.set}
}

// limits takes those of the wanted rate; where the model has none that strict,
// the loosest one at least tells who is surely somebody else.
func (p Policy) limits(m face.Manifest) (l limits) {
	if t, ok := m.At(p.FMR); ok {
		return limits{accept: limit{t.Accept, true}, review: limit{t.Review, true}, fmr: t.FMR, set: t.CalibrationSet}
	}
	loosest := face.Threshold{}
	for _, t := range m.Thresholds {
		if t.FMR > loosest.FMR {
			loosest = t
			l = limits{review: limit{t.Review, true}, set: t.CalibrationSet}
		}
	}
	return l
}

// gate leaves out frames of less than half the best one's quality: they would
// pull the mean away from the person.
func gate(live []Frame) (used []Frame) {
	best := 0
	for _, f := range live {
		best = max(best, f.Quality)
	}
	for _, f := range live {
		if 2*f.Quality >= best {
			used = append(used, f)
		}
	}
	return used
}

// onePerson wants each frame to be like the mean of the others: two persons who
// take turns before the camera must not be averaged into one.
func onePerson(model face.Model, live []face.Template, l limits) (bool, error) {
	if len(live) < 2 || !l.review.known {
		return true, nil
	}
	others := make([]face.Template, 0, len(live))
	for i, t := range live {
		others = append(append(others[:0], live[:i]...), live[i+1:]...)
		rest, err := model.Mean(others...)
		if err != nil {
			return false, err
		}
		score, err := model.Score(t, rest)
		if err != nil {
			return false, fmt.Errorf("compare live frames: %w", err)
		}
		if !l.review.reached(model.Metric, score) {
			return false, nil
		}
	}
	return true, nil
}

// Warning is what an officer and a request must know of model m.
func Warning(m face.Manifest) eid.Code {
	switch {
	case !m.Decides:
		return eid.CodeModelsUnfit
	case m.PilotOnly:
		return eid.CodeModelsPilot
	}
	return ""
}
