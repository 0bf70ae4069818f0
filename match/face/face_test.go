package face_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/enrold/enrold/match/face"
)

var (
	euclidean = face.Model{Engine: "e", ID: "a", Metric: face.Euclidean, Threshold: 0.6, Dimension: 2}
	cosine    = face.Model{Engine: "c", ID: "b", Metric: face.Cosine, Threshold: 0.5, Dimension: 2}
)

func template(m face.Model, v ...float32) face.Template { return face.Template{Model: m.ID, Values: v} }

// compare is the score of a portrait with the mean of live templates, and whether
// it passes the model's own limit.
func compare(m face.Model, portrait face.Template, live ...face.Template) (score float64, pass bool, err error) {
	mean, err := m.Mean(live...)
	if err == nil {
		score, err = m.Score(portrait, mean)
	}
	return score, err == nil && m.Passes(score), err
}

func TestScores(t *testing.T) {
	for _, c := range []struct {
		name     string
		model    face.Model
		portrait []float32
		live     [][]float32
		score    float64
		pass     bool
	}{
		{"same", euclidean, []float32{1, 0}, [][]float32{{1, 0}}, 0, true},
		{"on the threshold", euclidean, []float32{0, 0}, [][]float32{{0.6, 0}}, 0.6, false}, // float32 0.6 is above 0.6
		{"under it", euclidean, []float32{0, 0}, [][]float32{{0.5, 0}}, 0.5, true},
		{"mean of two", euclidean, []float32{0, 0}, [][]float32{{1, 0}, {-1, 0}}, 0, true},
		{"far", euclidean, []float32{0, 0}, [][]float32{{3, 4}}, 5, false},
		{"same direction", cosine, []float32{1, 0}, [][]float32{{7, 0}}, 1, true},
		{"long templates weigh no more", cosine, []float32{1, 0}, [][]float32{{100, 0}, {0, 1}}, math.Sqrt(0.5), true},
		{"opposite", cosine, []float32{1, 0}, [][]float32{{-1, 0}}, -1, false},
	} {
		var live []face.Template
		for _, v := range c.live {
			live = append(live, template(c.model, v...))
		}
		score, pass, err := compare(c.model, template(c.model, c.portrait...), live...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if math.Abs(score-c.score) > 1e-6 || pass != c.pass {
			t.Errorf("%s: score %v pass %v, want %v %v", c.name, score, pass, c.score, c.pass)
		}
	}
}

func TestModelsAreNeverMixed(t *testing.T) {
	good, other := template(euclidean, 1, 0), template(cosine, 1, 0)
	for name, try := range map[string]func() error{
		"portrait of another model": func() error { _, _, err := compare(euclidean, other, good); return err },
		"live of another model":     func() error { _, _, err := compare(euclidean, good, good, other); return err },
		"both of another model":     func() error { _, err := euclidean.Score(other, other); return err },
		"wrong length":              func() error { _, err := euclidean.Score(good, template(euclidean, 1)); return err },
		"empty":                     func() error { _, err := euclidean.Score(good, face.Template{}); return err },
		"no live":                   func() error { _, _, err := compare(euclidean, good); return err },
		"no metric":                 func() error { m := euclidean; m.Metric = ""; _, err := m.Score(good, good); return err },
	} {
		if try() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNotANumberNeverPasses(t *testing.T) {
	nan := float32(math.NaN())
	for _, m := range []face.Model{euclidean, cosine} {
		for _, v := range []face.Template{template(m, nan, 0), template(m, 0, 0)} {
			if score, pass, _ := compare(m, template(m, 1, 0), v); pass {
				t.Errorf("%s: %v passes", m.Metric, score)
			}
		}
	}
	if (face.Model{Metric: "other"}).Passes(0) {
		t.Error("an unknown metric passes")
	}
}

func TestTemplatesStayOutOfLogs(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if s := fmt.Sprintf(verb, template(euclidean, 0.125, 42)); strings.Contains(s, "42") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}
