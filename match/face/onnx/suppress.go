package onnx

import (
	"cmp"
	"image"
	"math"
	"slices"

	"github.com/enrold/enrold/match/face"
)

// sameFace is the share of overlap from which two boxes are one face.
const sameFace = 0.3

// candidate is a box in the network's pixels.
type candidate struct{ x0, y0, x1, y1 float64 }

const far = 1e6 // bounds what a network may answer

func (c candidate) found(score float64) face.Found {
	whole := func(v float64) int {
		if math.IsNaN(v) {
			return 0
		}
		return int(math.Round(math.Max(-far, math.Min(far, v))))
	}
	return face.Found{Box: image.Rect(whole(c.x0), whole(c.y0), whole(c.x1), whole(c.y1)), Score: score}
}

// finish keeps the best box of each face, takes it from the network's
// coordinates to the image's, and orders faces by size, the largest first.
func finish(found []face.Found, way face.Similarity, frame image.Rectangle) []face.Found {
	slices.SortStableFunc(found, func(a, b face.Found) int { return cmp.Compare(b.Score, a.Score) })
	var kept []face.Found
	for _, f := range found {
		if len(kept) == mostFaces {
			break
		}
		if f.Box.Empty() || slices.ContainsFunc(kept, func(k face.Found) bool { return overlap(k.Box, f.Box) > sameFace }) {
			continue
		}
		kept = append(kept, f)
	}
	out := kept[:0]
	for _, f := range kept {
		low := way.Apply(face.Point{X: float64(f.Box.Min.X), Y: float64(f.Box.Min.Y)})
		high := way.Apply(face.Point{X: float64(f.Box.Max.X), Y: float64(f.Box.Max.Y)})
		f.Box = candidate{low.X, low.Y, high.X, high.Y}.found(0).Box
		if f.Box.Intersect(frame).Empty() {
			continue
		}
		for i, p := range f.Points {
			f.Points[i] = way.Apply(p)
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b face.Found) int {
		return cmp.Compare(b.Box.Dx()*b.Box.Dy(), a.Box.Dx()*a.Box.Dy())
	})
	return out
}

// overlap is the share of the union that two boxes have in common.
func overlap(a, b image.Rectangle) float64 {
	area := func(r image.Rectangle) float64 { return float64(r.Dx()) * float64(r.Dy()) }
	both := area(a.Intersect(b))
	return both / (area(a) + area(b) - both)
}
