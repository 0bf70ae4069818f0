// Package quality measures captured samples. The names of the face measures
// mirror those of ISO/IEC 29794-5 where the quantity is the same; no conformance
// is claimed.
package quality

import (
	"image"
	"math"

	"github.com/enrold/enrold/internal/eid"
)

// Names of the face measures.
const (
	Sharpness     = "sharpness"
	UnderExposure = "under_exposure" // 100: no part of the face is lost in the dark
	OverExposure  = "over_exposure"  // 100: no part of the face is burnt out
	DynamicRange  = "dynamic_range"
	HeadSize      = "head_size"
	HeadPosition  = "head_position"
)

const (
	// eyeShare is the distance between the eyes in widths of the HOG detector's box.
	eyeShare = 0.42

	eyesLeast  = 90.0  // pixels between the eyes in the full frame
	eyesWanted = 240.0 // beyond, more pixels tell nothing more

	dark, bright   = 24, 232 // gray values beyond which skin shows no texture
	wantedRange    = 110.0   // gray values between the 5th and the 95th percentile
	sharpnessScale = 20.0    // Laplacian variance that counts as half sharp
)

// EyeDistance estimates the pixels between the eyes from the detector's box.
func EyeDistance(box image.Rectangle) float64 { return eyeShare * float64(box.Dx()) }

// Face measures the face at box in a gray copy of the frame, each from 0 to
// 100. scale is the width of the full frame over that of the copy. A box
// outside the image gives no measures.
func Face(gray *image.Gray, box image.Rectangle, scale float64) []eid.Measure {
	in := box.Intersect(gray.Rect)
	if in.Dx() < 3 || in.Dy() < 3 {
		return nil
	}
	h := histogram(gray, in)
	return []eid.Measure{
		{Name: Sharpness, Value: sharpness(gray, in)},
		{Name: UnderExposure, Value: percent(1 - 2*h.share(0, dark))},
		{Name: OverExposure, Value: percent(1 - 2*h.share(bright, 256))},
		{Name: DynamicRange, Value: percent(float64(h.percentile(0.95)-h.percentile(0.05)) / wantedRange)},
		{Name: HeadSize, Value: headSize(scale * EyeDistance(box))},
		{Name: HeadPosition, Value: headPosition(gray.Rect, box)},
	}
}

// Overall joins measures into one value, 0 to 100: their geometric mean, so
// that one bad measure cannot hide behind good ones.
func Overall(measures []eid.Measure) int {
	if len(measures) == 0 {
		return 0
	}
	sum := 0.0
	for _, m := range measures {
		if m.Value <= 0 {
			return 0
		}
		sum += math.Log(float64(m.Value))
	}
	return int(math.Round(math.Exp(sum / float64(len(measures)))))
}

// Value returns the measure of that name, 0 when it is missing.
func Value(measures []eid.Measure, name string) int {
	for _, m := range measures {
		if m.Name == name {
			return m.Value
		}
	}
	return 0
}

// sharpness maps the variance of the Laplacian over the face to 0..100.
func sharpness(g *image.Gray, r image.Rectangle) int {
	var n, sum, squares float64
	for y := r.Min.Y + 1; y < r.Max.Y-1; y++ {
		at := g.PixOffset(r.Min.X, y)
		up, row, down := g.Pix[at-g.Stride:], g.Pix[at:], g.Pix[at+g.Stride:]
		for x := 1; x < r.Dx()-1; x++ {
			v := float64(int(row[x-1]) + int(row[x+1]) + int(up[x]) + int(down[x]) - 4*int(row[x]))
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	if n == 0 {
		return 0
	}
	mean := sum / n
	variance := squares/n - mean*mean
	return percent(variance / (variance + sharpnessScale))
}

func headSize(eyes float64) int {
	if eyes < eyesLeast {
		return percent(0.5 * eyes / eyesLeast)
	}
	return percent(0.5 + 0.5*(eyes-eyesLeast)/(eyesWanted-eyesLeast))
}

// headPosition is 100 in the middle and 0 where the face's centre is at an edge.
func headPosition(frame, box image.Rectangle) int {
	cx, cy := Offset(frame, box)
	return percent(1 - math.Max(math.Abs(cx), math.Abs(cy)))
}

// Offset is the place of the box's centre, from -1 (left, top) to 1 (right, bottom).
func Offset(frame, box image.Rectangle) (x, y float64) {
	c := box.Min.Add(box.Max)     // twice the centre
	f := frame.Min.Add(frame.Max) // twice the middle
	return float64(c.X-f.X) / float64(frame.Dx()), float64(c.Y-f.Y) / float64(frame.Dy())
}

type grays struct {
	count [256]int
	total int
}

func histogram(g *image.Gray, r image.Rectangle) (h grays) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		at := g.PixOffset(r.Min.X, y)
		for _, v := range g.Pix[at : at+r.Dx()] {
			h.count[v]++
		}
	}
	h.total = r.Dx() * r.Dy()
	return h
}

// share of the pixels from gray value from to below to.
func (h grays) share(from, to int) float64 {
	n := 0
	for _, c := range h.count[from:to] {
		n += c
	}
	return float64(n) / float64(h.total)
}

func (h grays) percentile(p float64) int {
	left := int(p * float64(h.total))
	for v, c := range h.count {
		if left -= c; left < 0 {
			return v
		}
	}
	return 255
}

func percent(share float64) int {
	if !(share > 0) { // also not a number
		return 0
	}
	return int(math.Round(100 * math.Min(1, share)))
}
