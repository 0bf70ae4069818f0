package finger

import (
	"math"
	"math/bits"

	"github.com/enrold/enrold/match/finger/cylinder"
	"github.com/enrold/enrold/match/finger/near"
)

// placed is a minutia ready to be compared; y downwards, the angle in 256
// units a turn counter-clockwise with y upwards.
type placed struct {
	x, y, sin, cos float32
	angle          uint8
}

// Prepared is a template with what Compare needs of it computed once. It is
// not changed afterwards, so that goroutines may share it.
type Prepared struct {
	width, height float32
	minutiae      []placed
	columns       near.Columns  // the same, in lines
	cylinders     []uint64      // Words a minutia
	ones          []uint16      // bits set in each cylinder; 0 marks one without enough neighbours
	set           *cylinder.Set // the same, in order of direction
	ridges        *samples      // or nil
	order         *Template     // without its ridges
}

// Words is the length of a cylinder in 64-bit words.
const Words = cylinderTurns

// Cylinders returns the bit cylinders, Words words a minutia, and how many bits
// each has set; 0 marks a minutia that has too few neighbours to be described.
// The caller must not change them.
func (p *Prepared) Cylinders() (words []uint64, ones []uint16) { return p.cylinders, p.ones }

// Directions appends the minutiae's directions, 256 units a turn.
func (p *Prepared) Directions(to []uint8) []uint8 {
	for _, m := range p.minutiae {
		to = append(to, m.angle)
	}
	return to
}

// Prepare describes the minutiae of t by their neighbourhoods.
func Prepare(t *Template) *Prepared {
	n := min(len(t.Minutiae), MaxMinutiae)
	p := &Prepared{
		width: float32(t.Width), height: float32(t.Height), order: &Template{Width: t.Width, Height: t.Height, Minutiae: t.Minutiae}, ridges: newSamples(t.Ridges),
		minutiae: make([]placed, n), cylinders: make([]uint64, n*Words), ones: make([]uint16, n),
	}
	for i, m := range t.Minutiae[:n] {
		p.minutiae[i] = placed{
			x: float32(max(-farAway, min(m.X, farAway))), y: float32(max(-farAway, min(m.Y, farAway))),
			sin: sines[m.Angle], cos: sines[m.Angle+64], angle: m.Angle,
		}
		p.column(p.minutiae[i])
	}
	for nan := float32(math.NaN()); len(p.columns.X)%8 != 0; {
		p.column(placed{x: nan, y: nan})
	}
	for i := range p.minutiae {
		p.describe(i)
	}
	p.set = cylinder.NewSet(Words, p.cylinders, p.Directions(nil))
	return p
}

func (p *Prepared) column(m placed) {
	c := &p.columns
	c.X, c.Y, c.Cos, c.Sin = append(c.X, m.x), append(c.Y, m.y), append(c.Cos, m.cos), append(c.Sin, m.sin)
}

// farAway bounds coordinates of templates that come from outside.
const farAway = 1 << 14

// sines by 256 units a turn; the cosine is 64 units ahead.
var sines = func() (s [256]float32) {
	for i := range s {
		s[i] = float32(math.Sin(float64(i) * math.Pi / 128))
	}
	return s
}()

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

// turnWeights is a neighbour's weight for each plane by its direction less the
// minutia's, in 256 units.
var turnWeights = func() (w [256][cylinderTurns]float32) {
	for a := range w {
		for k := range cylinderTurns {
			at := (float64(k) + 0.5) * 2 * math.Pi / cylinderTurns
			d := math.Abs(math.Remainder(float64(a)*math.Pi/128+math.Pi-at, 2*math.Pi))
			if d <= 3*sigmaTurn {
				w[a][k] = float32(math.Exp(-d * d / (2 * sigmaTurn * sigmaTurn)))
			}
		}
	}
	return w
}()

// describe sets minutia i's cylinder: a plane of 64 cells for each of six
// differences of direction, a cell at bit y*8+x.
func (p *Prepared) describe(i int) {
	var sum [cylinderTurns][cylinderSide * cylinderSide]float32
	m := &p.minutiae[i]
	neighbours := 0
	for j := range p.minutiae {
		q := &p.minutiae[j]
		dx, dy := q.x-m.x, m.y-q.y
		far := dx*dx + dy*dy
		if j == i || far > (cylinderRadius+3*sigmaSpace)*(cylinderRadius+3*sigmaSpace) {
			continue
		}
		if far <= cylinderRadius*cylinderRadius {
			neighbours++
		}
		// In the minutia's own frame: u along its direction, v to its left.
		addNeighbour(&sum, dx*m.cos+dy*m.sin, dy*m.cos-dx*m.sin, &turnWeights[q.angle-m.angle])
	}
	if neighbours < minNeighbours {
		return
	}
	ones := 0
	words := p.cylinders[i*Words:][:Words]
	for k := range sum {
		for cell, s := range sum[k] {
			if s > cellThreshold && inDisc[cell] {
				words[k] |= 1 << cell
			}
		}
		ones += bits.OnesCount64(words[k])
	}
	p.ones[i] = uint16(ones)
}

// addNeighbour spreads one neighbour over the cells within three sigma of it
// (eq. 4 to 10 of the paper, the integral over a turn section taken at its middle).
func addNeighbour(sum *[cylinderTurns][cylinderSide * cylinderSide]float32, u, v float32, turned *[cylinderTurns]float32) {
	alongU, alongV := bellsAt(u), bellsAt(v)
	for k, weight := range turned {
		if weight == 0 {
			continue
		}
		for y := alongV.first; y <= alongV.last; y++ {
			w := weight * alongV.weights[y]
			row := sum[k][y*cylinderSide:][:cylinderSide]
			for x := alongU.first; x <= alongU.last; x++ {
				row[x] += w * alongU.weights[x]
			}
		}
	}
}

// bell is a neighbour's weight for the columns (or rows) of cells, zero but
// from first to last.
type bell struct {
	weights     [cylinderSide]float32
	first, last int
}

const (
	bellStep  = 4   // to a pixel
	bellReach = 100 // pixels, more than radius and three sigma
)

func bellsAt(u float32) *bell {
	return &bells[max(0, min(int((u+bellReach)*bellStep+0.5), len(bells)-1))]
}

var bells = func() (out [2*bellReach*bellStep + 1]bell) {
	for i := range out {
		b := &out[i]
		b.first, b.last = cylinderSide, -1
		u := float64(i)/bellStep - bellReach
		for k := range b.weights {
			if d := u - cellAt(k); math.Abs(d) <= 3*sigmaSpace {
				b.weights[k] = float32(math.Exp(-d * d / (2 * sigmaSpace * sigmaSpace)))
				b.first, b.last = min(b.first, k), max(b.last, k)
			}
		}
	}
	return out
}()

// cellAt is the middle of a column or row of cells, pixels from the minutia.
func cellAt(k int) float64 { return (float64(k)+0.5)*cellWidth - cylinderRadius }

// inDisc marks the cells whose middle lies within the cylinder.
var inDisc = func() (in [cylinderSide * cylinderSide]bool) {
	for i := range in {
		x, y := cellAt(i%cylinderSide), cellAt(i/cylinderSide)
		in[i] = x*x+y*y <= cylinderRadius*cylinderRadius
	}
	return in
}()
