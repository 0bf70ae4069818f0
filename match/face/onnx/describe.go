package onnx

import (
	"cmp"
	"fmt"
	"image"
	"math"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Recogniser is a describer over one ONNX model. Safe for concurrent use.
type Recogniser struct {
	manifest face.Manifest
	layout   face.Layout
	still    []face.View // of a single image
	frame    []face.View // of one of several that are averaged
	s        *session
}

var (
	_ face.Describer      = (*Recogniser)(nil)
	_ face.FrameDescriber = (*Recogniser)(nil)
)

// Recogniser loads the recogniser that m describes from its file's bytes. Close it.
func (r *Runtime) Recogniser(m face.Manifest, data []byte) (*Recogniser, error) {
	layout, err := face.LayoutNamed(m.Alignment)
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, "load model", err)
	}
	still, err := face.ViewsNamed(m.Views)
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, "load model", err)
	}
	frame, err := face.ViewsNamed(cmp.Or(m.FrameViews, m.Views))
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, "load model", err)
	}
	s, err := r.open(data, 3, m.Height, m.Width)
	if err != nil {
		return nil, err
	}
	if len(s.names) != 1 {
		return nil, eid.Fail(eid.CodeModels, "load model", fmt.Errorf("a recogniser with %d outputs", len(s.names)))
	}
	return &Recogniser{manifest: m, layout: layout, still: still, frame: frame, s: s}, nil
}

// Manifest implements [face.Describer].
func (r *Recogniser) Manifest() face.Manifest { return r.manifest }

// Describe implements [face.Describer]: the mean, of length one, over the
// manifest's views of the face, each aligned by its five points. Points that are
// no face are eid.CodeNoFace.
func (r *Recogniser) Describe(img *image.RGBA, at face.Points) (face.Template, error) {
	return r.describe(img, at, r.still)
}

// DescribeFrame implements [face.FrameDescriber]: as Describe, over the
// manifest's views of a frame.
func (r *Recogniser) DescribeFrame(img *image.RGBA, at face.Points) (face.Template, error) {
	return r.describe(img, at, r.frame)
}

func (r *Recogniser) describe(img *image.RGBA, at face.Points, views []face.View) (face.Template, error) {
	const op = "describe face"
	sum := make([]float32, r.manifest.Dimension)
	for _, v := range views {
		patch, ok := r.layout.Seen(v).Align(img, at, r.manifest.Width, r.manifest.Height)
		if !ok {
			return face.Template{}, eid.Fail(eid.CodeNoFace, op, nil)
		}
		if v.Mirrored {
			patch = patch.Mirrored()
		}
		if err := r.add(sum, patch); err != nil {
			return face.Template{}, fmt.Errorf("%s: %w", op, err)
		}
	}
	if !unit(sum) {
		return face.Template{}, fmt.Errorf("%s: the views cancel each other", op)
	}
	return face.Template{Model: r.manifest.ID, Values: sum}, nil
}

// add adds the patch's descriptor, of length one, to sum.
func (r *Recogniser) add(sum []float32, p *face.Patch) error {
	m := r.manifest
	return r.s.run(
		func(in []float32) { p.Fill(in, m.Colour == "bgr", float32(m.Mean), float32(m.Scale)) },
		func(out [][]float32) error {
			if len(out[0]) != len(sum) {
				return fmt.Errorf("%d numbers, want %d", len(out[0]), len(sum))
			}
			v := out[0]
			defer clear(v) // the session keeps this memory
			if !unit(v) {
				return fmt.Errorf("the model's answer is not a number")
			}
			for i := range sum {
				sum[i] += v[i]
			}
			return nil
		})
}

// Close frees the model. No call may be under way.
func (r *Recogniser) Close() error { return r.s.close() }

// unit scales v to length one; false where that is not possible.
func unit(v []float32) bool {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	if !(s > 0) || math.IsInf(s, 0) {
		return false
	}
	f := float32(1 / math.Sqrt(s))
	for i := range v {
		v[i] *= f
	}
	return true
}
