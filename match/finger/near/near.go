// Package near sorts out, eight at a time, what a comparison of two prints need
// not look at: minutiae that do not lie where another's place asks for them.
// What it leaves is looked at in portable Go, and what it computes is computed
// lane by lane in one order, so that scores are the same at every level.
package near

import (
	"unsafe"

	"github.com/enrold/enrold/match/simd"
)

// Room is how many pairs Places hold, MaxRows how many minutiae Rows.
const (
	Room    = 64
	MaxRows = 128
)

// Places are pairs of minutiae of two prints a and b, in lines that vectors
// load: x and y in a, x and y in b, pixels, then the cosine and the sine of the
// direction in a, then in b.
type Places [8][Room]float32

// Rows are minutiae of one print laid on another, in lines: x and y, pixels, the
// square of how far a minutia of the other may be, and the cosine and the sine
// of the direction.
type Rows [5][MaxRows]float32

// Columns are the minutiae of the other print, lines filled up to a multiple of
// eight, the coordinates with NaN.
type Columns struct{ X, Y, Cos, Sin []float32 }

// Pull says how far what lies around (X, Y) is moved.
type Pull struct {
	X, Y, DX, DY, Weight float32
	Of                   int32 // the point that it does not move
}

// Kernels of one level.
type Kernels struct {
	// Related sets mask x, from <= x < to, to the places before it that may agree
	// with it, the first lowest: those that lie less than root(reach + share d²)
	// elsewhere in b than in a, each as seen from x, d the distance in b. Bits from
	// x on mean nothing.
	Related func(masks *[Room]uint64, p *Places, from, to int, reach, share float32)
	// Together sets the first n rows' masks, words 64-bit words each, to the columns
	// that are nearer than the row's limit and point so that the cosine between
	// them is over least.
	Together func(masks []uint64, words int, rows *Rows, n int, c *Columns, least float32)
	// Pull writes how far the points are moved: the mean of the pulls but for their
	// own, each weighed by 1/(1+scale d²)², d its distance, and one pull of weight 1
	// by nothing. The number of points is a multiple of eight; the lines are as long.
	Pull func(dxs, dys, xs, ys []float32, pulls []Pull, scale float32)
}

// Of returns the kernels of a level that the processor must have (simd.Current).
func Of(level simd.Level) Kernels {
	if level >= simd.AVX2 {
		return vectors()
	}
	return Kernels{related, together, pull}
}

func related(masks *[Room]uint64, p *Places, from, to int, reach, share float32) {
	for x := from; x < to; x++ {
		cosA, sinA, cosB, sinB := p[4][x], p[5][x], p[6][x], p[7][x]
		masks[x] = 0
		for y := range x {
			ax, ay, bx, by := p[0][y]-p[0][x], p[1][y]-p[1][x], p[2][y]-p[2][x], p[3][y]-p[3][x]
			s := ax*cosA - ay*sinA - bx*cosB + by*sinB
			t := ax*sinA + ay*cosA - bx*sinB - by*cosB
			if s*s+t*t < (bx*bx+by*by)*share+reach {
				masks[x] |= 1 << y
			}
		}
	}
}

func together(masks []uint64, words int, rows *Rows, n int, c *Columns, least float32) {
	clear(masks[:n*words])
	for i := range n {
		x, y, limit, cos, sin := rows[0][i], rows[1][i], rows[2][i], rows[3][i], rows[4][i]
		for j := range c.X {
			dx, dy := x-c.X[j], y-c.Y[j]
			if dx*dx+dy*dy < limit && cos*c.Cos[j]+sin*c.Sin[j] > least {
				masks[i*words+j/64] |= 1 << (j % 64)
			}
		}
	}
}

func pull(dxs, dys, xs, ys []float32, pulls []Pull, scale float32) {
	for i := range xs {
		x, y := xs[i], ys[i]
		var dx, dy float32
		all := float32(1)
		for k := range pulls {
			p := &pulls[k]
			if p.Of == int32(i) {
				continue
			}
			far := 1 + ((p.X-x)*(p.X-x)+(p.Y-y)*(p.Y-y))*scale
			w := p.Weight / (far * far)
			dx, dy, all = dx+w*p.DX, dy+w*p.DY, all+w
		}
		dxs[i], dys[i] = dx/all, dy/all
	}
}

// first is the address of a line's first element; the line may be empty.
func first[T any](line []T) *T { return unsafe.SliceData(line) }
