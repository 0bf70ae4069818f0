package face

import (
	"fmt"
	"image"
	"math"
)

// Similarity is a rotation, scaling and shift: (x, y) goes to
// (A·x - B·y + X, B·x + A·y + Y).
type Similarity struct{ A, B, X, Y float64 }

// Fit is the similarity that takes from to to with the least sum of squared
// distances (Umeyama 1991; in the plane without reflection it has this closed
// form). false where the points lie on one place.
func Fit(from, to []Point) (Similarity, bool) {
	if len(from) != len(to) || len(from) < 2 {
		return Similarity{}, false
	}
	mf, mt := centroid(from), centroid(to)
	var a, b, spread float64
	for i := range from {
		fx, fy := from[i].X-mf.X, from[i].Y-mf.Y
		tx, ty := to[i].X-mt.X, to[i].Y-mt.Y
		a += fx*tx + fy*ty
		b += fx*ty - fy*tx
		spread += fx*fx + fy*fy
	}
	if !(spread > 1e-9) || math.IsInf(spread, 0) || math.Hypot(a, b) < 1e-9*spread {
		return Similarity{}, false
	}
	s := Similarity{A: a / spread, B: b / spread}
	s.X = mt.X - (s.A*mf.X - s.B*mf.Y)
	s.Y = mt.Y - (s.B*mf.X + s.A*mf.Y)
	return s, true
}

func centroid(points []Point) (m Point) {
	for _, p := range points {
		m.X += p.X / float64(len(points))
		m.Y += p.Y / float64(len(points))
	}
	return m
}

// Apply moves one point.
func (s Similarity) Apply(p Point) Point {
	return Point{s.A*p.X - s.B*p.Y + s.X, s.B*p.X + s.A*p.Y + s.Y}
}

// Inverse undoes s. s must come from Fit, which never gives a scale of zero.
func (s Similarity) Inverse() Similarity {
	n := s.A*s.A + s.B*s.B
	inv := Similarity{A: s.A / n, B: -s.B / n}
	inv.X = -(inv.A*s.X - inv.B*s.Y)
	inv.Y = -(inv.B*s.X + inv.A*s.Y)
	return inv
}

// Scale is how many times longer s makes things.
func (s Similarity) Scale() float64 { return math.Hypot(s.A, s.B) }

// Layout is where a recogniser wants the five points, in shares of its input's
// width and height.
type Layout [5]Point

// The layouts by their names in manifests. arcface112 is the 112x112 template of
// the ArcFace family, given with pixels counted from their middles; reid128 is
// that of Intel's face-reidentification-retail-0095.
var layouts = map[string]Layout{
	"arcface112": {
		{38.2946 / 112, 51.6963 / 112},
		{73.5318 / 112, 51.5014 / 112},
		{56.0252 / 112, 71.7366 / 112},
		{41.5493 / 112, 92.3655 / 112},
		{70.7299 / 112, 92.2041 / 112},
	},
	"reid128": {{0.31556875, 0.4615741}, {0.6826229, 0.4615741}, {0.5002625, 0.6405054}, {0.34947187, 0.8246919}, {0.6534365, 0.8246922}},
}

// LayoutNamed finds a layout by a manifest's word for it.
func LayoutNamed(name string) (Layout, error) {
	l, ok := layouts[name]
	if !ok {
		return l, fmt.Errorf("unknown alignment %q", name)
	}
	return l, nil
}

// Align cuts the face with its points at the places of l out of img, as
// width*height pixels. ok is false for points that are no face.
func (l Layout) Align(img *image.RGBA, at Points, width, height int) (*Patch, bool) {
	var to [5]Point
	for i, p := range l {
		to[i] = Point{p.X * float64(width), p.Y * float64(height)}
	}
	s, ok := Fit(at[:], to[:])
	if !ok || s.Scale() < 1.0/256 || s.Scale() > 64 {
		return nil, false
	}
	return Cut(img, s.Inverse(), width, height), true
}

// View is one way of cutting out a face: larger or smaller, moved along its own
// axis by a share of its size, mirrored.
type View struct {
	Scale, Down float64
	Mirrored    bool
}

// views by their names in manifests. The points of a face are never quite right:
// the mean over crops that differ by more than their error does not depend on it.
var views = map[string][]View{
	"one":    {{1, 0, false}},
	"mirror": {{1, 0, false}, {1, 0, true}},
	"four":   {{0.93, 0.015, false}, {0.93, -0.015, true}, {1.07, -0.015, false}, {1.07, 0.015, true}},
}

// ViewsNamed finds the views by a manifest's word for them.
func ViewsNamed(name string) ([]View, error) {
	v, ok := views[name]
	if !ok {
		return nil, fmt.Errorf("unknown views %q", name)
	}
	return v, nil
}

// Seen is the layout as v has it.
func (l Layout) Seen(v View) Layout {
	middle := centroid(l[:])
	for i, p := range l {
		l[i] = Point{middle.X + v.Scale*(p.X-middle.X), middle.Y + v.Scale*(p.Y-middle.Y) + v.Down}
	}
	return l
}
