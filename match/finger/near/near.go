// Package near sorts out, eight at a time, what a comparison of two prints need
// not look at: minutiae that do not lie where another's place asks for them.
// What it leaves is looked at in portable Go, so that scores are the same at
// every level.
package near

import (
	"unsafe"

	"github.com/enrold/enrold/match/simd"
)

// Room is how many pairs Places hold.
const Room = 64

// Places are pairs of minutiae of two prints a and b, in lines that vectors
// load: x and y in a, x and y in b, pixels.
type Places [4][Room]float32

// View is one pair as others are seen from.
type View struct {
	At                     [4]float32 // x and y in a, x and y in b
	CosA, SinA, CosB, SinB float32    // of its minutiae's directions
	Reach, Share           float32    // bounds, see Kernels.Related
}

// Kernels of one level. Masks have a bit for each place, 8*n of them, the first
// lowest.
type Kernels struct {
	// Related marks the places that may agree with the view's pair: those that
	// lie less than root(Reach + Share d²) elsewhere in b than in a, each as seen
	// from the pair's minutia, d the distance in b.
	Related func(masks *uint8, p *Places, v *View, n int)
	// Within marks the points whose squared distance to (x, y) is under limit.
	Within func(masks *uint8, xs, ys *float32, n int, x, y, limit float32)
}

// Of returns the kernels of a level that the processor must have (simd.Current).
func Of(level simd.Level) Kernels {
	if level >= simd.AVX2 {
		return vectors()
	}
	return Kernels{related, within}
}

func related(masks *uint8, p *Places, v *View, n int) {
	for k := range unsafe.Slice(masks, n) {
		var mask uint8
		for bit := range 8 {
			at := k*8 + bit
			ax, ay, bx, by := p[0][at]-v.At[0], p[1][at]-v.At[1], p[2][at]-v.At[2], p[3][at]-v.At[3]
			s := ax*v.CosA - ay*v.SinA - bx*v.CosB + by*v.SinB
			t := ax*v.SinA + ay*v.CosA - bx*v.SinB - by*v.CosB
			if s*s+t*t < (bx*bx+by*by)*v.Share+v.Reach {
				mask |= 1 << bit
			}
		}
		unsafe.Slice(masks, n)[k] = mask
	}
}

func within(masks *uint8, xs, ys *float32, n int, x, y, limit float32) {
	px, py := unsafe.Slice(xs, 8*n), unsafe.Slice(ys, 8*n)
	for k := range unsafe.Slice(masks, n) {
		var mask uint8
		for bit := range 8 {
			dx, dy := x-px[k*8+bit], y-py[k*8+bit]
			if dx*dx+dy*dy < limit {
				mask |= 1 << bit
			}
		}
		unsafe.Slice(masks, n)[k] = mask
	}
}
