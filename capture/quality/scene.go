// Package quality measures a portrait before it is kept: each measure from 0
// to 100 with words that an officer understands.
//
// The names mirror the quality components of ISO/IEC 29794-5 (and of OFIQ, its
// reference implementation) where the quantity is the same; the values are this
// package's own and no conformance is claimed. What a capture asks of each
// measure is data: profiles.toml.
package quality

import (
	"image"
	"math"
	"slices"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Scene is a picture with the face that is to be measured.
type Scene struct {
	// Image holds the pixels, in the picture's coordinates: at least what a
	// portrait of the face would show. Where it is missing nothing is measured.
	Image  *image.RGBA
	Bounds image.Rectangle // of the whole picture
	Face   face.Found
	Marks  []face.Point // 68 landmarks of the face, or nil: then eyes and mouth are not measured
	Others []face.Found // all other faces
}

// Result is one measure of one picture.
type Result struct {
	Name   string  `json:"name"`
	Value  int     `json:"value"`  // 0..100
	Native float64 `json:"native"` // what was measured, in Unit
	Unit   string  `json:"unit"`   // degrees, pixels, share, ratio, gray
}

// Report is every measure that could be taken, in a fixed order.
type Report []Result

// Measure takes all measures of s; none where its points are no face.
func Measure(s Scene) Report {
	eyes := EyeDistance(s.Face.Points)
	if s.Image == nil || s.Bounds.Empty() || !(eyes >= leastMeasured) || eyes > float64(s.Bounds.Dx()+s.Bounds.Dy()) {
		return nil
	}
	way, ok := upright(s.Face.Points)
	if !ok {
		return nil
	}
	t := cutToken(s.Image, way)
	if t.valid < len(t.luma)/4 {
		return nil
	}
	r := make(Report, 0, 24)
	r = append(r, single(s))
	r = append(r, pose(s.Face.Points)...)
	r = append(r, geometry(s, eyes)...)
	r = append(r, t.light()...)
	r = append(r, sharpness(s.Image, way), blockiness(s.Image, s.Face.Box), t.background())
	r = append(r, t.occlusion()...)
	return append(r, marked(s.Marks)...)
}

// leastMeasured is the eye distance in pixels below which nothing is measured.
const leastMeasured = 8.0

// EyeDistance is in the unit of the points.
func EyeDistance(p face.Points) float64 {
	return math.Hypot(p[face.LeftEye].X-p[face.RightEye].X, p[face.LeftEye].Y-p[face.RightEye].Y)
}

// Get returns the named result; false where it was not measured.
func (r Report) Get(name string) (Result, bool) {
	for _, x := range r {
		if x.Name == name {
			return x, true
		}
	}
	return Result{}, false
}

// Measures are the values as a sample carries them.
func (r Report) Measures() []eid.Measure {
	out := make([]eid.Measure, len(r))
	for i, x := range r {
		out[i] = eid.Measure{Name: x.Name, Value: x.Value}
	}
	return out
}

// Unified joins the measures into one value, 0 to 100: their weighted geometric
// mean, so that one bad measure cannot hide behind good ones.
func (r Report) Unified() int {
	var sum, weights float64
	for _, x := range r {
		w := wordsOf(x.Name).Weight
		sum += w * math.Log(math.Max(1, float64(x.Value)))
		weights += w
	}
	if weights == 0 {
		return 0
	}
	return int(math.Round(math.Exp(sum / weights)))
}

func single(s Scene) Result {
	share := 0.0
	size := func(r image.Rectangle) float64 { return float64(r.Dx()) * float64(r.Dy()) }
	for _, o := range s.Others {
		share = math.Max(share, size(o.Box)/math.Max(1, size(s.Face.Box)))
	}
	return Result{SingleFace, percent(1 - share), share, "share"}
}

// ramp is 0 at zero, 100 at full and linear between; zero may be above full.
func ramp(v, zero, full float64) int { return percent((v - zero) / (full - zero)) }

func percent(share float64) int {
	if !(share > 0) { // also not a number
		return 0
	}
	return int(math.Round(100 * math.Min(1, share)))
}

// Without returns r less the named measures.
func (r Report) Without(names ...string) Report {
	return slices.DeleteFunc(slices.Clone(r), func(x Result) bool { return slices.Contains(names, x.Name) })
}
