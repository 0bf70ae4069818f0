package onnx

import (
	"fmt"
	"image"
	"math"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Boxes is the detector fr_detect, an SSD of 4420 anchors whose model answers
// with finished boxes; it knows no points, so a landmark model gives them.
// Safe for concurrent use.
type Boxes struct {
	manifest  face.Manifest
	s         *session
	landmarks face.Landmarker
}

var _ face.Detector = (*Boxes)(nil)

// Boxes loads the detector from its file's bytes. Close it; landmarks stays its
// owner's.
func (r *Runtime) Boxes(m face.Manifest, data []byte, landmarks face.Landmarker) (*Boxes, error) {
	s, err := r.open(data, 3, m.Height, m.Width, "scores", "boxes")
	if err != nil {
		return nil, err
	}
	return &Boxes{manifest: m, s: s, landmarks: landmarks}, nil
}

// Manifest implements [face.Detector].
func (b *Boxes) Manifest() face.Manifest { return b.manifest }

// Detect implements [face.Detector]. Points are the means of those that the
// landmark model gives for the box and four neighbours of it.
func (b *Boxes) Detect(img *image.RGBA) ([]face.Found, error) {
	w, h := b.manifest.Width, b.manifest.Height
	way := place(img.Rect, w, h)
	patch := face.Cut(img, way, w, h)
	var found []face.Found
	err := b.s.run(
		func(in []float32) {
			patch.Fill(in, b.manifest.Colour == "bgr", float32(b.manifest.Mean), float32(b.manifest.Scale))
		},
		func(out [][]float32) (err error) { found, err = decodeBoxes(out, w, h); return err })
	if err != nil {
		return nil, fmt.Errorf("detect faces: %w", err)
	}
	found = finish(found, way, img.Rect)
	for i := range found {
		if found[i].Points, err = b.points(img, found[i].Box); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// decodeBoxes reads scores (background, face) and corners in shares of the
// network's input. The landmark model was made for squares of the box's height.
func decodeBoxes(out [][]float32, width, height int) ([]face.Found, error) {
	scores, boxes := out[0], out[1]
	if len(scores)%2 != 0 || len(boxes) != 2*len(scores) {
		return nil, fmt.Errorf("%d scores for %d coordinates", len(scores), len(boxes))
	}
	var found []face.Found
	for i := range len(scores) / 2 {
		score := clamp(scores[2*i+1])
		if !(score >= leastScore) {
			continue
		}
		c := boxes[4*i:]
		x0, y0 := float64(c[0])*float64(width), float64(c[1])*float64(height)
		x1, y1 := float64(c[2])*float64(width), float64(c[3])*float64(height)
		half, middle := (y1-y0)/2, (x0+x1)/2
		found = append(found, candidate{middle - half, y0, middle + half, y1}.found(score))
	}
	return found, nil
}

// jitter is how far, in box widths, the neighbours of a box are moved, and how
// they are scaled.
var jitter = [...]struct{ x, y, scale float64 }{{0, 0, 1}, {-0.04, 0, 1}, {0.04, 0, 1}, {0, 0.04, 1.06}, {0, -0.04, 0.96}}

func (b *Boxes) points(img *image.RGBA, box image.Rectangle) (face.Points, error) {
	var sum face.Points
	side := float64(box.Dx())
	cx, cy := float64(box.Min.X+box.Max.X)/2, float64(box.Min.Y+box.Max.Y)/2
	for _, j := range jitter {
		half := j.scale * side / 2
		x, y := cx+j.x*side, cy+j.y*side
		marks, err := b.landmarks.Landmarks(img, candidate{x - half, y - half, x + half, y + half}.found(0).Box)
		if err != nil {
			return sum, err
		}
		five, err := face.FivePoints(marks)
		if err != nil {
			return sum, fmt.Errorf("find points: %w", err)
		}
		for i, p := range five {
			sum[i].X += p.X / float64(len(jitter))
			sum[i].Y += p.Y / float64(len(jitter))
		}
	}
	return sum, nil
}

// Close frees the model. No call may be under way.
func (b *Boxes) Close() error { return b.s.close() }

// Landmarks is the model fr_landmark: 68 points on a gray square. Safe for
// concurrent use.
type Landmarks struct {
	manifest face.Manifest
	s        *session
}

var _ face.Landmarker = (*Landmarks)(nil)

// Landmarks loads the model from its file's bytes. Close it.
func (r *Runtime) Landmarks(m face.Manifest, data []byte) (*Landmarks, error) {
	s, err := r.open(data, 1, m.Height, m.Width)
	if err != nil {
		return nil, err
	}
	return &Landmarks{manifest: m, s: s}, nil
}

// Manifest implements [face.Landmarker].
func (l *Landmarks) Manifest() face.Manifest { return l.manifest }

// Landmarks implements [face.Landmarker]; the box is widened to a square.
func (l *Landmarks) Landmarks(img *image.RGBA, box image.Rectangle) ([]face.Point, error) {
	if box.Empty() {
		return nil, eid.Fail(eid.CodeNoFace, "find landmarks", nil)
	}
	way := face.Stretch(box, l.manifest.Width, l.manifest.Height)
	patch := face.Cut(img, way, l.manifest.Width, l.manifest.Height)
	var marks []face.Point
	err := l.s.run(
		func(in []float32) {
			patch.Luma(in)
			for i := range in {
				in[i] = (in[i] - float32(l.manifest.Mean)) / float32(l.manifest.Scale)
			}
		},
		func(out [][]float32) error {
			if len(out) != 1 || len(out[0]) != 2*face.Marks {
				return fmt.Errorf("the model gives no %d points", face.Marks)
			}
			for i := range face.Marks {
				x, y := float64(out[0][2*i]), float64(out[0][2*i+1])
				if math.IsNaN(x+y) || math.Abs(x) > 10 || math.Abs(y) > 10 {
					return fmt.Errorf("point %d is far outside", i)
				}
				marks = append(marks, way.Apply(face.Point{X: x * float64(l.manifest.Width), Y: y * float64(l.manifest.Height)}))
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("find landmarks: %w", err)
	}
	return marks, nil
}

// Close frees the model. No call may be under way.
func (l *Landmarks) Close() error { return l.s.close() }
