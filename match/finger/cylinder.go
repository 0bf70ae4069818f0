package finger

import (
	"math"
	"math/bits"
)

// Parameters of the Minutia Cylinder-Code (Cappelli et al. 2010, table 2),
// with 8 cells a side and 6 directions: 384 bits.
const (
	cylinderRadius = 70.0
	cylinderSide   = 8
	cylinderTurns  = 6
	cellWidth      = 2 * cylinderRadius / cylinderSide
	sigmaSpace     = 28.0 / 3
	sigmaTurn      = 2 * math.Pi / 9
	cellThreshold  = 0.12 // sum of contributions that sets a bit; one close neighbour does
	minNeighbours  = 2
)

// cylinder is a minutia's neighbourhood: a plane of 64 cells for each of six
// differences of direction. A cell of plane k at bit y*8+x.
type cylinder struct {
	planes [cylinderTurns]uint64
	ones   int
	ok     bool // has enough neighbours
}

// placed is a minutia ready to be compared.
type placed struct {
	x, y, angle float64 // y downwards, angle counter-clockwise with y upwards
	sin, cos    float64
}

func place(t *Template) []placed {
	n := min(len(t.Minutiae), MaxMinutiae)
	out := make([]placed, n)
	for i, m := range t.Minutiae[:n] {
		a := float64(m.Angle) * math.Pi / 128
		s, c := math.Sincos(a)
		out[i] = placed{x: float64(m.X), y: float64(m.Y), angle: a, sin: s, cos: c}
	}
	return out
}

// cylinders describes every minutia by its neighbours.
func cylinders(ms []placed) []cylinder {
	out := make([]cylinder, len(ms))
	for i := range ms {
		out[i] = describe(ms, i)
	}
	return out
}

func describe(ms []placed, i int) cylinder {
	var sum [cylinderTurns][cylinderSide * cylinderSide]float32
	m := &ms[i]
	neighbours := 0
	for j := range ms {
		dx, dy := ms[j].x-m.x, m.y-ms[j].y
		if j == i || dx*dx+dy*dy > (cylinderRadius+3*sigmaSpace)*(cylinderRadius+3*sigmaSpace) {
			continue
		}
		if dx*dx+dy*dy <= cylinderRadius*cylinderRadius {
			neighbours++
		}
		// In the minutia's own frame: u along its direction, v to its left.
		u, v := dx*m.cos+dy*m.sin, dy*m.cos-dx*m.sin
		addNeighbour(&sum, u, v, math.Remainder(ms[j].angle-m.angle, 2*math.Pi))
	}
	c := cylinder{ok: neighbours >= minNeighbours}
	for k := range sum {
		for cell, s := range sum[k] {
			if s > cellThreshold && inDisc[cell] {
				c.planes[k] |= 1 << cell
			}
		}
		c.ones += bits.OnesCount64(c.planes[k])
	}
	return c
}

// addNeighbour spreads one neighbour over the cells within three sigma of it
// (eq. 4 to 10 of the paper, the integral over a turn section taken at its middle).
func addNeighbour(sum *[cylinderTurns][cylinderSide * cylinderSide]float32, u, v, turned float64) {
	firstU, lastU := reach(u)
	firstV, lastV := reach(v)
	var alongU [cylinderSide]float32
	for x := firstU; x <= lastU; x++ {
		alongU[x] = gauss(u-cellAt(x), sigmaSpace)
	}
	var near [cylinderSide * cylinderSide]float32
	for y := firstV; y <= lastV; y++ {
		alongV := gauss(v-cellAt(y), sigmaSpace)
		for x := firstU; x <= lastU; x++ {
			near[y*cylinderSide+x] = alongU[x] * alongV
		}
	}
	for k := range cylinderTurns {
		at := (float64(k)+0.5)*2*math.Pi/cylinderTurns - math.Pi
		d := math.Abs(turned - at) // both within -pi..pi
		d = min(d, 2*math.Pi-d)
		if d > 3*sigmaTurn {
			continue
		}
		weight := gauss(d, sigmaTurn)
		for y := firstV; y <= lastV; y++ {
			for x := firstU; x <= lastU; x++ {
				sum[k][y*cylinderSide+x] += weight * near[y*cylinderSide+x]
			}
		}
	}
}

func gauss(d, sigma float64) float32 { return float32(math.Exp(-d * d / (2 * sigma * sigma))) }

// cellAt is the middle of a column or row of cells, pixels from the minutia.
func cellAt(k int) float64 { return (float64(k)+0.5)*cellWidth - cylinderRadius }

// reach is the range of columns (or rows) whose middle is within three sigma.
func reach(u float64) (first, last int) {
	first = int(math.Ceil((u-3*sigmaSpace+cylinderRadius)/cellWidth - 0.5))
	last = int(math.Floor((u+3*sigmaSpace+cylinderRadius)/cellWidth - 0.5))
	return max(first, 0), min(last, cylinderSide-1)
}

// inDisc marks the cells whose middle lies within the cylinder.
var inDisc = func() (in [cylinderSide * cylinderSide]bool) {
	for i := range in {
		x, y := cellAt(i%cylinderSide), cellAt(i/cylinderSide)
		in[i] = x*x+y*y <= cylinderRadius*cylinderRadius
	}
	return in
}()

// similarity of two cylinders, 0..1: one minus the distance of their bit
// vectors over the sum of their norms (§3.1 of the paper, bit form).
func (c *cylinder) similarity(d *cylinder) float64 {
	if !c.ok || !d.ok || c.ones+d.ones == 0 {
		return 0
	}
	different := 0
	for k := range c.planes {
		different += bits.OnesCount64(c.planes[k] ^ d.planes[k])
	}
	return 1 - math.Sqrt(float64(different))/(math.Sqrt(float64(c.ones))+math.Sqrt(float64(d.ones)))
}
