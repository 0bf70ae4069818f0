package onnx

import (
	"fmt"
	"image"
	"math"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Liveness is a model of the MiniFASNet kind: three classes, one of them live.
// Safe for concurrent use.
type Liveness struct {
	manifest face.Manifest
	s        *session
}

var _ face.LivenessModel = (*Liveness)(nil)

// Liveness loads the model from its file's bytes. Close it.
func (r *Runtime) Liveness(m face.Manifest, data []byte) (*Liveness, error) {
	s, err := r.open(data, 3, m.Height, m.Width)
	if err != nil {
		return nil, err
	}
	if !(m.Crop >= 1) || m.Live < 0 || m.Live > 2 {
		return nil, eid.Fail(eid.CodeModels, "load model", fmt.Errorf("crop %g, live class %d", m.Crop, m.Live))
	}
	return &Liveness{manifest: m, s: s}, nil
}

// Manifest implements [face.LivenessModel].
func (l *Liveness) Manifest() face.Manifest { return l.manifest }

// Live implements [face.LivenessModel]: the box grown by the manifest's factor as
// far as the image reaches, moved inwards at its edges, as the model was trained.
func (l *Liveness) Live(img *image.RGBA, box image.Rectangle) (float64, error) {
	r := surroundings(img.Rect, box, l.manifest.Crop)
	if r.Empty() {
		return 0, eid.Fail(eid.CodeNoFace, "judge liveness", nil)
	}
	patch := face.Stretched(img, r, l.manifest.Width, l.manifest.Height)
	var live float64
	err := l.s.run(
		func(in []float32) {
			patch.Fill(in, l.manifest.Colour == "bgr", float32(l.manifest.Mean), float32(l.manifest.Scale))
		},
		func(out [][]float32) (err error) { live, err = softmax(out[0], l.manifest.Live); return err })
	if err != nil {
		return 0, fmt.Errorf("judge liveness: %w", err)
	}
	return live, nil
}

// surroundings grows box by the factor, less where the image is too small for
// it, and moves it inside.
func surroundings(frame, box image.Rectangle, factor float64) image.Rectangle {
	if box.Empty() || frame.Empty() {
		return image.Rectangle{}
	}
	w, h := float64(box.Dx()), float64(box.Dy())
	factor = math.Min(factor, math.Min(float64(frame.Dx()-1)/w, float64(frame.Dy()-1)/h))
	w, h = w*factor, h*factor
	x := float64(box.Min.X+box.Max.X)/2 - w/2
	y := float64(box.Min.Y+box.Max.Y)/2 - h/2
	x = math.Max(0, math.Min(x, float64(frame.Dx()-1)-w))
	y = math.Max(0, math.Min(y, float64(frame.Dy()-1)-h))
	return image.Rect(int(x), int(y), int(x+w)+1, int(y+h)+1).Intersect(frame)
}

// softmax is the share of one class.
func softmax(v []float32, class int) (float64, error) {
	if class >= len(v) {
		return 0, fmt.Errorf("%d classes, want more than %d", len(v), class)
	}
	top := math.Inf(-1)
	for _, x := range v {
		top = math.Max(top, float64(x))
	}
	var sum float64
	for _, x := range v {
		sum += math.Exp(float64(x) - top)
	}
	p := math.Exp(float64(v[class])-top) / sum
	if math.IsNaN(p) {
		return 0, fmt.Errorf("the model's answer is not a number")
	}
	return p, nil
}

// Close frees the model. No call may be under way.
func (l *Liveness) Close() error { return l.s.close() }
