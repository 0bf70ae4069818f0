package ridge

import (
	"math"
	"math/rand/v2"
)

// lattice is smooth random noise: independent values about -1..1 on a square
// lattice, interpolated with a cubic fade.
type lattice struct {
	step   float64
	cols   int
	rows   int
	values []float64
}

func newLattice(width, height int, step float64, rng *rand.Rand) *lattice {
	l := &lattice{
		step: step,
		cols: int(float64(width)/step) + 2,
		rows: int(float64(height)/step) + 2,
	}
	l.values = make([]float64, l.cols*l.rows)
	for i := range l.values {
		l.values[i] = rng.Float64()*2 - 1
	}
	return l
}

// at is the noise at pixel (x, y); coordinates outside are held at the edge.
func (l *lattice) at(x, y float64) float64 {
	x = clamp(x/l.step, 0, float64(l.cols-1)-1e-9)
	y = clamp(y/l.step, 0, float64(l.rows-1)-1e-9)
	ix, iy := int(x), int(y)
	fx, fy := fade(x-float64(ix)), fade(y-float64(iy))
	i := iy*l.cols + ix
	top := l.values[i] + (l.values[i+1]-l.values[i])*fx
	low := l.values[i+l.cols] + (l.values[i+l.cols+1]-l.values[i+l.cols])*fx
	return top + (low-top)*fy
}

func fade(t float64) float64 { return t * t * (3 - 2*t) }

func clamp(v, low, high float64) float64 { return math.Max(low, math.Min(high, v)) }

// spread draws from a bell of standard deviation sigma, cut at two sigma so
// that no finger and no impression is a freak.
func spread(rng *rand.Rand, sigma float64) float64 {
	return sigma * clamp(rng.NormFloat64(), -2, 2)
}
