package face_test

import (
	"errors"
	"image"
	"math"
	"testing"

	"github.com/enrold/enrold/match/face"
)

// part answers with the template that stands at the image's first pixel.
type part struct {
	m      face.Manifest
	values [][]float32
	err    error
}

func (p part) Manifest() face.Manifest { return p.m }

func (p part) Describe(img *image.RGBA, _ face.Points) (face.Template, error) {
	return face.Template{Model: p.m.ID, Values: p.values[img.Pix[0]]}, p.err
}

func parts() (face.Manifest, []face.Describer) {
	a := part{m: face.Manifest{ID: "a", Metric: face.Cosine, Dimension: 2}, values: [][]float32{{1, 0}, {3, 4}}}
	b := part{m: face.Manifest{ID: "b", Metric: face.Cosine, Dimension: 3}, values: [][]float32{{0, 5, 0}, {0, 0.3, 0.4}}}
	m := face.Manifest{
		ID: "f", Kind: face.KindFusion, Engine: "fusion", Metric: face.Cosine, Dimension: 5,
		Parts:      []face.Part{{ID: "a", Weight: 0.25}, {ID: "b", Weight: 0.75}},
		Thresholds: []face.Threshold{{FMR: 0.0001, Accept: 0.9}, {FMR: 0.01, Accept: 0.5}, {FMR: 0.001, Accept: 0.7}},
	}
	return m, []face.Describer{a, b}
}

// TestFusionIsTheWeightedSum: the score of two fused templates is the weighted
// sum of the parts' scores.
func TestFusionIsTheWeightedSum(t *testing.T) {
	m, p := parts()
	f, err := face.NewFusion(m, p)
	if err != nil {
		t.Fatal(err)
	}
	var templates [2]face.Template
	for i := range templates {
		img := image.NewRGBA(image.Rect(0, 0, 1, 1))
		img.Pix[0] = uint8(i)
		if templates[i], err = f.Describe(img, five); err != nil {
			t.Fatal(err)
		}
	}
	score, err := m.Model(0.01).Score(templates[0], templates[1])
	if want := 0.25*0.6 + 0.75*0.6; err != nil || math.Abs(score-want) > 1e-6 {
		t.Errorf("score %g, %v, want %g", score, err, want)
	}
	if _, err := m.Model(0.01).Score(templates[0], face.Template{Model: "a", Values: make([]float32, 5)}); err == nil {
		t.Error("a part's template is compared with the fusion's")
	}
}

func TestFusionRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*face.Manifest, *[]face.Describer){
		"order":     func(_ *face.Manifest, p *[]face.Describer) { (*p)[0], (*p)[1] = (*p)[1], (*p)[0] },
		"weights":   func(m *face.Manifest, _ *[]face.Describer) { m.Parts[0].Weight = 0.5 },
		"negative":  func(m *face.Manifest, _ *[]face.Describer) { m.Parts[0].Weight, m.Parts[1].Weight = -1, 2 },
		"dimension": func(m *face.Manifest, _ *[]face.Describer) { m.Dimension = 4 },
		"fewer":     func(_ *face.Manifest, p *[]face.Describer) { *p = (*p)[:1] },
		"kind":      func(m *face.Manifest, _ *[]face.Describer) { m.Kind = face.KindRecogniser },
	} {
		m, p := parts()
		spoil(&m, &p)
		if _, err := face.NewFusion(m, p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	m, p := parts()
	broken := p[1].(part)
	broken.err = errors.New("broken")
	f, err := face.NewFusion(m, []face.Describer{p[0], broken})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Describe(image.NewRGBA(image.Rect(0, 0, 1, 1)), five); !errors.Is(err, broken.err) {
		t.Errorf("a part's failure: %v", err)
	}
}

func TestThresholdForARate(t *testing.T) {
	m, _ := parts()
	for fmr, want := range map[float64]float64{0.05: 0.5, 0.01: 0.5, 0.005: 0.7, 0.001: 0.7, 0.0002: 0.9} {
		if at, ok := m.At(fmr); !ok || at.Accept != want {
			t.Errorf("rate %g: limit %g, want %g", fmr, at.Accept, want)
		}
	}
	if m.Model(1e-6).Passes(1) {
		t.Error("without a limit something passes")
	}
	m.Metric = face.Euclidean
	if m.Model(1e-6).Passes(0) {
		t.Error("without a limit some distance passes")
	}
}
