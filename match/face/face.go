// Package face is the contract of face recognition: what an engine gives, and how
// its templates compare. Package policy decides by the scores. It is pure: engines
// that need C libraries sit in folders of their own behind [Engine].
//
// A score has a meaning only within one model: [Model] travels with every
// [Template], and templates of different models are never compared.
package face

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// Metric says how two templates are compared and which way is alike.
type Metric string

const (
	Euclidean Metric = "euclidean" // 0 is the same image; at or under the threshold passes
	Cosine    Metric = "cosine"    // 1 is the same image; at or over the threshold passes
)

// Model identifies a recogniser. Two models with the same ID give comparable scores.
type Model struct {
	Engine    string  // program that runs it: "dlib"
	ID        string  // weights, by name and the first bytes of their SHA-256
	Metric    Metric  // how its templates compare
	Threshold float64 // the decision's limit, in the metric's unit
	Dimension int     // length of a template
}

// Passes tells whether score is a match under the model's own threshold. A
// score that is not a number never passes.
func (m Model) Passes(score float64) bool {
	switch m.Metric {
	case Euclidean:
		return score <= m.Threshold
	case Cosine:
		return score >= m.Threshold
	}
	return false
}

// Template is the biometric template (ISO/IEC 2382-37 37.03.22) of one face.
// It is personal data: keep it in memory.
type Template struct {
	Model  string    // Model.ID
	Values []float32 // Model.Dimension numbers
}

// String keeps templates out of logs.
func (t Template) String() string { return fmt.Sprintf("[template of %s]", t.Model) }

// Wipe overwrites the numbers of a template that is not needed any more.
func (t Template) Wipe() { clear(t.Values) }

// Face is one face of an image.
type Face struct {
	Box      image.Rectangle // in the image's coordinates
	Template Template
}

// Engine finds and describes faces. It is safe for concurrent use.
type Engine interface {
	Model() Model
	// Describe returns every face of img that is large enough for the engine,
	// the largest first; none is not an error.
	Describe(img image.Image) ([]Face, error)
}

// FrameEngine is an [Engine] that is faster with one of several frames of a person
// that are averaged; see [FrameDescriber].
type FrameEngine interface {
	DescribeFrame(img image.Image) ([]Face, error)
}

// FrameOf is how e describes one of several frames.
func FrameOf(e Engine) func(img image.Image) ([]Face, error) {
	if f, ok := e.(FrameEngine); ok {
		return f.DescribeFrame
	}
	return e.Describe
}

var (
	errModels  = errors.New("templates of different models are never compared")
	errShape   = errors.New("template has the wrong length")
	errNothing = errors.New("no template to compare")
)

// Score compares two templates of model m.
func (m Model) Score(a, b Template) (float64, error) {
	if err := errors.Join(m.check(a), m.check(b)); err != nil {
		return 0, fmt.Errorf("compare templates: %w", err)
	}
	var dot, aa, bb, diff float64
	for i := range a.Values {
		x, y := float64(a.Values[i]), float64(b.Values[i])
		dot, aa, bb, diff = dot+x*y, aa+x*x, bb+y*y, diff+(x-y)*(x-y)
	}
	switch m.Metric {
	case Euclidean:
		return math.Sqrt(diff), nil
	case Cosine:
		return dot / math.Sqrt(aa*bb), nil
	}
	return 0, fmt.Errorf("compare templates: unknown metric %q", m.Metric)
}

// Mean joins templates of one person into one. Averaging several live frames
// lowers the error rates more than a better model does. For the cosine metric
// each template is scaled to length one first.
func (m Model) Mean(templates ...Template) (Template, error) {
	if len(templates) == 0 {
		return Template{}, errNothing
	}
	sum := make([]float64, m.Dimension)
	for _, t := range templates {
		if err := m.check(t); err != nil {
			return Template{}, fmt.Errorf("average templates: %w", err)
		}
		scale := 1 / float64(len(templates))
		if m.Metric == Cosine {
			scale /= length(t.Values)
		}
		for i, v := range t.Values {
			sum[i] += float64(v) * scale
		}
	}
	out := Template{Model: m.ID, Values: make([]float32, m.Dimension)}
	for i, v := range sum {
		out.Values[i] = float32(v)
	}
	return out, nil
}

func (m Model) check(t Template) error {
	if t.Model != m.ID {
		return errModels
	}
	if len(t.Values) != m.Dimension || m.Dimension == 0 {
		return errShape
	}
	return nil
}

func length(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}
