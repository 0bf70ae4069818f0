package onnx

import (
	"fmt"
	"image"
	"math"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// YuNet's strides, and what counts as a face and as the same face.
var yunetStrides = [3]int{8, 16, 32}

const (
	leastScore = 0.6
	mostFaces  = 32
)

// YuNet is the detector face_detection_yunet_2023mar. Safe for concurrent use.
type YuNet struct {
	manifest face.Manifest
	s        *session
}

var _ face.Detector = (*YuNet)(nil)

// YuNet loads the detector from its file's bytes. Close it.
func (r *Runtime) YuNet(m face.Manifest, data []byte) (*YuNet, error) {
	var outputs []string
	for _, kind := range []string{"cls", "obj", "bbox", "kps"} {
		for _, stride := range yunetStrides {
			outputs = append(outputs, fmt.Sprintf("%s_%d", kind, stride))
		}
	}
	if m.Width%32 != 0 || m.Height%32 != 0 || m.Width <= 0 || m.Height <= 0 {
		return nil, eid.Fail(eid.CodeModels, "load model", fmt.Errorf("%dx%d is no multiple of 32", m.Width, m.Height))
	}
	s, err := r.open(data, 3, m.Height, m.Width, outputs...)
	if err != nil {
		return nil, err
	}
	return &YuNet{manifest: m, s: s}, nil
}

// Manifest implements [face.Detector].
func (y *YuNet) Manifest() face.Manifest { return y.manifest }

// Detect implements [face.Detector]. The image is put whole into the network's
// square, made smaller if need be, never larger.
func (y *YuNet) Detect(img *image.RGBA) ([]face.Found, error) {
	w, h := y.manifest.Width, y.manifest.Height
	way := place(img.Rect, w, h)
	mean, scale := float32(y.manifest.Mean), float32(y.manifest.Scale)
	fill := func(in []float32) { face.FillWhole(img, w, h, in, true, mean, scale) }
	if way.A != 1 {
		patch := face.Cut(img, way, w, h)
		fill = func(in []float32) { patch.Fill(in, true, mean, scale) }
	}
	var found []face.Found
	err := y.s.run(
		fill,
		func(out [][]float32) (err error) { found, err = decodeYuNet(out, w, h); return err })
	if err != nil {
		return nil, fmt.Errorf("detect faces: %w", err)
	}
	return finish(found, way, img.Rect), nil
}

// Close frees the model. No call may be under way.
func (y *YuNet) Close() error { return y.s.close() }

// place is the way from the network's input to the image: its upper left corners
// on each other, the image whole, at most at its own size.
func place(r image.Rectangle, width, height int) face.Similarity {
	s := math.Max(1, math.Max(float64(r.Dx())/float64(width), float64(r.Dy())/float64(height)))
	return face.Similarity{A: s}
}

// decodeYuNet reads the twelve outputs: for each cell of three strides two
// scores, a box and five points, in the network's pixels.
func decodeYuNet(out [][]float32, width, height int) ([]face.Found, error) {
	var found []face.Found
	for i, stride := range yunetStrides {
		cls, obj, box, points := out[i], out[3+i], out[6+i], out[9+i]
		columns, rows := width/stride, height/stride
		n := columns * rows
		if len(cls) != n || len(obj) != n || len(box) != 4*n || len(points) != 10*n {
			return nil, fmt.Errorf("outputs of stride %d have the wrong shape", stride)
		}
		st := float64(stride)
		for c := range n {
			score := math.Sqrt(clamp(cls[c]) * clamp(obj[c]))
			if !(score >= leastScore) {
				continue
			}
			x, y := float64(c%columns), float64(c/columns)
			b, k := box[4*c:], points[10*c:]
			cx, cy := (x+float64(b[0]))*st, (y+float64(b[1]))*st
			bw, bh := math.Exp(float64(b[2]))*st, math.Exp(float64(b[3]))*st
			f := candidate{x0: cx - bw/2, y0: cy - bh/2, x1: cx + bw/2, y1: cy + bh/2}.found(score)
			for p := range f.Points {
				f.Points[p] = face.Point{X: (x + float64(k[2*p])) * st, Y: (y + float64(k[2*p+1])) * st}
			}
			found = append(found, f)
		}
	}
	return found, nil
}

func clamp(v float32) float64 { return math.Min(1, math.Max(0, float64(v))) }
