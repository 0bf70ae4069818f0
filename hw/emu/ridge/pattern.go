package ridge

import (
	"math"
	"math/rand/v2"
)

// Ridges grow on a grid coarser than the master print (312 dpi still gives a
// ridge five samples), then are interpolated: a quarter of the time.
const (
	gridStep   = 1.6 // master pixels a grid point
	gridWidth  = masterWidth * 10 / 16
	gridHeight = masterHeight * 10 / 16

	filterRadius = 7
	filterSide   = 2*filterRadius + 1

	orientations = 48
	widths       = 11 // ridge periods in the bank

	block     = 8 // grid points; at least filterRadius, so a filter reaches only the next block
	blockCols = (gridWidth + block - 1) / block
	blockRows = (gridHeight + block - 1) / block

	seeds     = 80
	maxRounds = 26
	settled   = 0.05 // largest change in a block that still counts as still
	gain      = 3.2  // a faint ridge grows, clipping holds a full one
)

// bank holds the oriented filters, [period][orientation].
type bank [widths][orientations][filterSide * filterSide]float32

// newBank computes even Gabor filters without mean: a cosine across the ridge
// under a Gaussian of 0.4 periods (three ridges seen, SFinGe's choice), a
// little longer along the ridge, which makes fewer minutiae.
func newBank() *bank {
	b := new(bank)
	for w := range b {
		period := (shortestPeriod + (longestPeriod-shortestPeriod)*float64(w)/(widths-1)) / gridStep
		for o := range b[w] {
			sin, cos := math.Sincos(math.Pi * float64(o) / orientations)
			fillFilter(&b[w][o], period, sin, cos)
		}
	}
	return b
}

func fillFilter(k *[filterSide * filterSide]float32, period, sin, cos float64) {
	across2, along2 := 2*square(0.4*period), 2*square(0.42*period)
	var gauss, wave [filterSide * filterSide]float64
	var sumG, sumW float64
	for i := range k {
		x, y := float64(i%filterSide-filterRadius), float64(i/filterSide-filterRadius)
		if x*x+y*y > (filterRadius+0.5)*(filterRadius+0.5) {
			continue
		}
		across := x*sin + y*cos // y runs downwards: the normal of a ridge at angle a is (sin a, cos a)
		along := x*cos - y*sin
		gauss[i] = math.Exp(-across*across/across2 - along*along/along2)
		wave[i] = gauss[i] * math.Cos(2*math.Pi*across/period)
		sumG, sumW = sumG+gauss[i], sumW+wave[i]
	}
	var power float64
	for i := range k {
		wave[i] -= gauss[i] * sumW / sumG
		power += math.Abs(wave[i])
	}
	for i := range k {
		k[i] = float32(wave[i] / power) // a matching square wave of height 1 gives about 1
	}
}

// growth is the state of a print while its ridges emerge.
type growth struct {
	bank    *bank
	filter  [gridWidth * gridHeight]uint16 // period*orientations + orientation
	inside  [gridWidth * gridHeight]bool
	ridges  []float32 // padded by filterRadius on each side
	next    []float32
	change  [blockCols * blockRows]float32 // of the last round
	pending [blockCols * blockRows]float32
}

const (
	paddedWidth  = gridWidth + 2*filterRadius
	paddedHeight = gridHeight + 2*filterRadius
)

func grow(f *field, p *periods, s shape, rng *rand.Rand) []float32 {
	g := &growth{
		bank:   newBank(),
		ridges: make([]float32, paddedWidth*paddedHeight),
		next:   make([]float32, paddedWidth*paddedHeight),
	}
	for y := range gridHeight {
		for x := range gridWidth {
			mx, my := (float64(x)+0.5)*gridStep-0.5, (float64(y)+0.5)*gridStep-0.5
			i := y*gridWidth + x
			g.inside[i] = s.inside(mx, my) < 1
			if !g.inside[i] {
				continue
			}
			w := int(math.Round((p.at(mx, my) - shortestPeriod) / (longestPeriod - shortestPeriod) * (widths - 1)))
			o := int(math.Round(f.angle(mx, my) / math.Pi * orientations))
			o = ((o % orientations) + orientations) % orientations
			g.filter[i] = uint16(w*orientations + o)
		}
	}
	g.sow(rng)
	for range maxRounds {
		if !g.round() {
			break
		}
	}
	g.soften()
	return g.enlarge()
}

// sow scatters the points from which ridges start.
func (g *growth) sow(rng *rand.Rand) {
	for range seeds {
		x, y := rng.IntN(gridWidth), rng.IntN(gridHeight)
		if !g.inside[y*gridWidth+x] {
			continue
		}
		g.ridges[(y+filterRadius)*paddedWidth+x+filterRadius] = 1
		g.change[y/block*blockCols+x/block] = 1
	}
}

// round filters every block that has a changed neighbour and reports whether
// anything still moves.
func (g *growth) round() bool {
	copy(g.next, g.ridges)
	moved := false
	for by := range blockRows {
		for bx := range blockCols {
			g.pending[by*blockCols+bx] = 0
			if !g.near(bx, by) {
				continue
			}
			d := g.filterBlock(bx, by)
			g.pending[by*blockCols+bx] = d
			moved = moved || d > settled
		}
	}
	g.ridges, g.next = g.next, g.ridges
	g.change = g.pending
	return moved
}

func (g *growth) near(bx, by int) bool {
	for y := max(by-1, 0); y <= min(by+1, blockRows-1); y++ {
		for x := max(bx-1, 0); x <= min(bx+1, blockCols-1); x++ {
			if g.change[y*blockCols+x] > settled {
				return true
			}
		}
	}
	return false
}

func (g *growth) filterBlock(bx, by int) (largest float32) {
	for y := by * block; y < min((by+1)*block, gridHeight); y++ {
		for x := bx * block; x < min((bx+1)*block, gridWidth); x++ {
			i := y*gridWidth + x
			if !g.inside[i] {
				continue
			}
			w, o := int(g.filter[i])/orientations, int(g.filter[i])%orientations
			v := gain * convolve(g.ridges[y*paddedWidth+x:], &g.bank[w][o])
			v = max(-1, min(1, v))
			at := (y+filterRadius)*paddedWidth + x + filterRadius
			d := v - g.ridges[at]
			largest = max(largest, d, -d)
			g.next[at] = v
		}
	}
	return largest
}

// soften filters once more without clipping: the clipped ridges have corners
// that the grid cannot hold.
func (g *growth) soften() {
	for y := range gridHeight {
		for x := range gridWidth {
			i := y*gridWidth + x
			if !g.inside[i] {
				continue
			}
			w, o := int(g.filter[i])/orientations, int(g.filter[i])%orientations
			v := 1.15 * convolve(g.ridges[y*paddedWidth+x:], &g.bank[w][o])
			g.next[(y+filterRadius)*paddedWidth+x+filterRadius] = v
		}
	}
	g.ridges, g.next = g.next, g.ridges
}

func square(v float64) float64 { return v * v }

// convolve applies the filter to the patch whose upper left corner is from[0].
func convolve(from []float32, k *[filterSide * filterSide]float32) float32 {
	var sum float32
	for r := range filterSide {
		in := from[r*paddedWidth : r*paddedWidth+filterSide : r*paddedWidth+filterSide]
		row := k[r*filterSide : r*filterSide+filterSide : r*filterSide+filterSide]
		var a, b, c float32
		for j := 0; j+2 < filterSide; j += 3 {
			a += in[j] * row[j]
			b += in[j+1] * row[j+1]
			c += in[j+2] * row[j+2]
		}
		sum += a + b + c
	}
	return sum
}

// enlarge interpolates the grid to the master print with Catmull-Rom splines,
// which keep the ridges' slopes.
func (g *growth) enlarge() []float32 {
	var taps [masterWidth + masterHeight][4]float32
	var first [masterWidth + masterHeight]int
	for i := range taps {
		u := (float64(i)+0.5)/gridStep - 0.5 + filterRadius - 1
		n := int(u)
		t := float32(u - float64(n))
		first[i] = n
		taps[i] = [4]float32{
			((2-t)*t - 1) * t / 2,
			(t*t*(3*t-5) + 2) / 2,
			((4-3*t)*t + 1) * t / 2,
			(t - 1) * t * t / 2,
		}
	}
	out := make([]float32, masterWidth*masterHeight)
	rows := make([]float32, masterWidth*paddedHeight) // enlarged along the rows only
	for y := range paddedHeight {
		for x := range masterWidth {
			in := g.ridges[y*paddedWidth+first[x]:][:4]
			k := &taps[x]
			rows[y*masterWidth+x] = in[0]*k[0] + in[1]*k[1] + in[2]*k[2] + in[3]*k[3]
		}
	}
	for y := range masterHeight {
		k := &taps[y]
		for x := range masterWidth {
			in := rows[first[y]*masterWidth+x:]
			out[y*masterWidth+x] = flank(in[0]*k[0] + in[masterWidth]*k[1] + in[2*masterWidth]*k[2] + in[3*masterWidth]*k[3])
		}
	}
	return out
}

// flank makes a ridge's flanks steep again where two patterns meet faintly, so
// that a minutia is as crisp as the ridges around it.
func flank(v float32) float32 {
	return 1.3 * v / (0.3 + max(v, -v))
}
