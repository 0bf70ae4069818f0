// Package ridge grows synthetic fingerprints, so that every part of the desk
// that handles fingers can be tested with nobody's real finger.
//
// A finger grows from a 64-bit seed: its class and singular points are drawn
// with natural frequencies, the ridge orientation follows the zero-pole model
// (Sherlock and Monro, Pattern Recognition 26(7), 1993) with the piecewise
// linear correction of Vizcaya and Gerhardt (Pattern Recognition 29(7), 1996),
// and the ridges emerge from scattered points by iterating oriented filters
// until they fill the shape, which is the idea of SFinGe (Cappelli, Maio,
// Maltoni, ICPR 2000). Minutiae are not placed: they appear where growing
// fronts meet.
//
// An impression places the finger on a sensor's window: displacement,
// rotation, plastic distortion of the skin (Cappelli, Maio, Maltoni, ICAPR
// 2001), contact area, pressure and dampness, scratches and noise.
//
// Everything is a function of the seed: the same seed gives the same pixels on
// the same architecture (other processors may round the last bit differently).
package ridge

import "math/rand/v2"

// DPI is the resolution of every image of this package.
const DPI = 500

// Size of the master print in pixels: 21 mm x 26 mm at 500 dpi.
const (
	masterWidth  = 416
	masterHeight = 512
)

// Image is one grey impression, row major, 0 (black, ridge) to 255 (white).
type Image struct {
	Width, Height, DPI int
	Pixels             []byte // Width*Height
}

// Window is the sensing area of a scanner in pixels at 500 dpi.
type Window struct{ Width, Height int }

// Windows of scanners that the project knows.
var (
	WindowZFM  = Window{Width: 256, Height: 288} // ZFM-20, R30x
	WindowR503 = Window{Width: 192, Height: 192}
)

// Finger is a grown master print. It is immutable: impressions may be made
// from several goroutines at once.
type Finger struct {
	Class Class

	seed   uint64
	shape  shape
	center point     // where a person puts the middle of the finger pad
	ridges []float32 // masterWidth*masterHeight, -1 valley to +1 ridge, 0 outside the shape
}

type point struct{ x, y float64 }

// Streams of random numbers that must not depend on each other.
const (
	streamGrow uint64 = iota + 1
	streamImpression
)

func random(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream*0x9e3779b97f4a7c15))
}

// Grow returns the master print of seed. It takes about 150 ms on one core,
// once; an impression takes about 15 ms.
func Grow(seed uint64) *Finger {
	rng := random(seed, streamGrow)
	class := drawClass(rng)
	field := newField(class, rng)
	f := &Finger{
		Class:  class,
		seed:   seed,
		shape:  newShape(rng),
		center: field.center,
	}
	f.ridges = grow(field, newPeriods(field, rng), f.shape, rng)
	return f
}

// at samples the master print bilinearly; 0 outside.
func (f *Finger) at(x, y float64) float64 {
	if !(x >= 0 && y >= 0 && x < masterWidth-1 && y < masterHeight-1) {
		return 0
	}
	ix, iy := int(x), int(y)
	fx, fy := float32(x-float64(ix)), float32(y-float64(iy))
	i := iy*masterWidth + ix
	top := f.ridges[i] + (f.ridges[i+1]-f.ridges[i])*fx
	low := f.ridges[i+masterWidth] + (f.ridges[i+masterWidth+1]-f.ridges[i+masterWidth])*fx
	return float64(top + (low-top)*fy)
}
