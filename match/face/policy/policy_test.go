package policy

import (
	"image"
	"math"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// model has limits that a cosine of two vectors in the plane can be placed about.
func model(change ...func(*face.Manifest)) face.Manifest {
	m := face.Manifest{
		ID: "plane", Engine: "test", Kind: face.KindRecogniser, Metric: face.Cosine, Dimension: 2, Decides: true,
		Thresholds: []face.Threshold{
			{FMR: 0.0001, Review: 0.4, Accept: 0.7, CalibrationSet: "S"},
			{FMR: 0.001, Review: 0.4, Accept: 0.6, CalibrationSet: "S"},
		},
	}
	for _, c := range change {
		c(&m)
	}
	return m
}

// at is a template whose cosine with at(0) is cos(angle).
func at(cosine float64) face.Template {
	return face.Template{Model: "plane", Values: []float32{float32(cosine), float32(math.Sqrt(1 - cosine*cosine))}}
}

func frames(quality int, templates ...face.Template) (out []Frame) {
	for _, t := range templates {
		out = append(out, Frame{t, quality})
	}
	return out
}

var portrait = face.Template{Model: "plane", Values: []float32{1, 0}}

func TestOutcomes(t *testing.T) {
	unfit := func(m *face.Manifest) { m.Decides = false }
	pilot := func(m *face.Manifest) { m.PilotOnly = true }
	loose := func(m *face.Manifest) {
		m.Thresholds = []face.Threshold{{FMR: 0.96, Review: 0.4, Accept: 0.4, CalibrationSet: "S"}}
	}
	bare := func(m *face.Manifest) { m.Thresholds = nil }
	for _, c := range []struct {
		name    string
		p       Policy
		m       face.Manifest
		cosine  float64
		outcome eid.FaceOutcome
		reason  eid.FaceReason
		warning eid.Code
	}{
		{"alike", Policy{FMR: 0.001}, model(), 0.65, eid.FaceMatch, eid.FaceAlike, ""},
		{"stricter rate", Policy{FMR: 0.0001}, model(), 0.65, eid.FaceReview, eid.FaceUnsure, ""},
		{"rate between the named ones takes the stricter", Policy{FMR: 0.0005}, model(), 0.65, eid.FaceReview, eid.FaceUnsure, ""},
		{"rate that nobody measured", Policy{FMR: 0.00001}, model(), 0.99, eid.FaceReview, eid.FaceNoLimit, ""},
		{"between", Policy{FMR: 0.001}, model(), 0.5, eid.FaceReview, eid.FaceUnsure, ""},
		{"unlike", Policy{FMR: 0.001}, model(), 0.3, eid.FaceMismatch, eid.FaceUnlike, ""},
		{"pilot at a pilot", Policy{FMR: 0.001}, model(pilot), 0.65, eid.FaceMatch, eid.FaceAlike, eid.CodeModelsPilot},
		{"pilot in production", Policy{FMR: 0.001, Production: true}, model(pilot), 0.65, eid.FaceReview, eid.FacePilotModel, eid.CodeModelsPilot},
		{"unfit model, same image", Policy{FMR: 0.001}, model(unfit, loose), 1, eid.FaceReview, eid.FaceUnfitModel, eid.CodeModelsUnfit},
		{"unfit model, somebody else", Policy{FMR: 0.001}, model(unfit, loose), 0.1, eid.FaceMismatch, eid.FaceUnlike, eid.CodeModelsUnfit},
		{"no limits at all", Policy{FMR: 0.001}, model(bare), 1, eid.FaceReview, eid.FaceNoLimit, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := c.p.Decide(c.m, portrait, frames(80, at(c.cosine), at(c.cosine)))
			if err != nil {
				t.Fatal(err)
			}
			if d.Outcome != c.outcome || d.Reason != c.reason || d.Warning != c.warning || d.Pass != (c.outcome == eid.FaceMatch) {
				t.Errorf("got %+v", d)
			}
			if math.Abs(d.Score-c.cosine) > 1e-6 || d.Frames != 2 || d.Model != "plane" {
				t.Errorf("got %+v", d)
			}
			// What a request carries says the same, without the score.
			r := d.Decision(1)
			above := r.Bucket == eid.BucketAbove || r.Bucket == eid.BucketFarAbove
			if above != r.Pass || (r.Bucket == eid.BucketBetween) != (c.outcome == eid.FaceReview) || r.Reason != c.reason {
				t.Errorf("record %+v", r)
			}
		})
	}
}

func TestEuclideanLimits(t *testing.T) {
	m := model(func(m *face.Manifest) {
		m.Metric, m.Thresholds = face.Euclidean, []face.Threshold{{FMR: 0.001, Review: 0.6, Accept: 0.4, CalibrationSet: "S"}}
	})
	for distance, want := range map[float32]eid.FaceOutcome{0.3: eid.FaceMatch, 0.5: eid.FaceReview, 0.7: eid.FaceMismatch} {
		live := face.Template{Model: "plane", Values: []float32{1, distance}}
		d, err := Policy{FMR: 0.001}.Decide(m, portrait, frames(50, live))
		if err != nil || d.Outcome != want {
			t.Errorf("distance %g: %v %v, want %v", distance, d.Outcome, err, want)
		}
	}
}

func TestFramesAreGatedAndOfOnePerson(t *testing.T) {
	p := Policy{FMR: 0.001}
	// A blurred frame does not spoil the good ones.
	live := append(frames(80, at(0.9), at(0.9)), Frame{at(-0.9), 30})
	if d, err := p.Decide(model(), portrait, live); err != nil || d.Outcome != eid.FaceMatch || d.Frames != 2 || d.LeftOut != 1 {
		t.Errorf("blurred frame: %+v, %v", d, err)
	}
	// The accomplice's frame is as good as the holder's: the mean would pass.
	live = frames(80, at(0.95), at(0.95), at(-0.2))
	if d, err := p.Decide(model(), portrait, live); err != nil || d.Outcome != eid.FaceMismatch || d.Reason != eid.FaceFramesDiffer {
		t.Errorf("two persons in turn: %+v, %v", d, err)
	}
}

func TestDecideRefusesForeignTemplates(t *testing.T) {
	p := Policy{FMR: 0.001}
	other := face.Template{Model: "other", Values: []float32{1, 0}}
	for name, c := range map[string]struct {
		portrait face.Template
		live     []Frame
	}{
		"portrait of another model": {other, frames(80, at(1))},
		"frame of another model":    {portrait, frames(80, at(1), other)},
		"no frame":                  {portrait, nil},
		"short template":            {portrait, frames(80, face.Template{Model: "plane", Values: []float32{1}})},
	} {
		if d, err := p.Decide(model(), c.portrait, c.live); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
	nan := face.Template{Model: "plane", Values: []float32{float32(math.NaN()), 0}}
	if d, err := p.Decide(model(), portrait, frames(80, nan)); err != nil || d.Outcome != eid.FaceMismatch {
		t.Errorf("a template that is no number: %+v, %v", d, err)
	}
}

// faces answers by the image's width: how many faces, and the cosine of the first.
type faces map[int][]float64

func (f faces) Model() face.Model { return model().Model(0.001) }
func (f faces) Describe(img image.Image) (out []face.Face, err error) {
	for _, c := range f[img.Bounds().Dx()] {
		out = append(out, face.Face{Box: image.Rect(0, 0, 100, 100), Template: at(c)})
	}
	return out, nil
}

func TestCompareImages(t *testing.T) {
	e := faces{1: {1}, 2: {0.9}, 3: {}, 4: {0.9, 0.9}}
	img := func(width int) image.Image { return image.NewGray(image.Rect(0, 0, width, 1)) }
	live := func(widths ...int) (out []Live) {
		for _, w := range widths {
			out = append(out, Live{img(w), 80})
		}
		return out
	}
	p := Policy{FMR: 0.001}
	c, err := p.CompareAndKeep(e, model(), img(1), live(2, 3, 2)...)
	if d := c.Decision; err != nil || d.Outcome != eid.FaceMatch || d.Frames != 2 || d.LeftOut != 1 {
		t.Errorf("one frame without a face: %+v, %v", d, err)
	}
	if s, err := model().Model(0.001).Score(c.Person, at(0.9)); err != nil || math.Abs(s-1) > 1e-6 {
		t.Errorf("the frames' person is like them by %g, %v", s, err)
	}
	for name, c := range map[string]struct {
		portrait int
		live     []Live
		code     eid.Code
	}{
		"no face in any frame":      {1, live(3, 3), eid.CodeNoFace},
		"two persons in a frame":    {1, live(2, 4), eid.CodeManyFaces},
		"no face in the portrait":   {3, live(2), eid.CodeNoFace},
		"two faces in the portrait": {4, live(2), eid.CodeManyFaces},
		"no frame":                  {1, nil, eid.CodeInput},
	} {
		if d, err := p.Compare(e, model(), img(c.portrait), c.live...); eid.CodeOf(err) != c.code {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}
