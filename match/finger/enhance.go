package finger

import (
	"math"
	"slices"
	"sync"
)

// Ridges are enhanced in two passes of one-dimensional filters whose direction
// follows the orientation cell by cell: a Gaussian along the ridges, then an
// even Gabor filter across them. Together they are Hong, Wan and Jain's filter
// (PAMI 20(8), 1998, §2.6), but bent along curved ridges and at a ninth of its cost.
const (
	cellSide     = 4 // pixels that share a filter
	filterAngles = 48
	filterWidths = 12   // ridge periods in the bank
	alongShare   = 0.45 // standard deviations in ridge periods
	acrossShare  = 0.4
)

// line is a filter: whole pixels on a line and their weights.
type line struct {
	dx, dy  []int
	weights []float32
}

type filterBank struct {
	along, across [filterWidths][filterAngles]line
}

// filters is computed on first use and never changed.
var filters = sync.OnceValue(func() *filterBank {
	bank := new(filterBank)
	for w := range filterWidths {
		period := minPeriod * math.Pow(maxPeriod/minPeriod, float64(w)/(filterWidths-1))
		for a := range filterAngles {
			angle := math.Pi * float64(a) / filterAngles
			bank.along[w][a] = alongFilter(period, angle)
			bank.across[w][a] = acrossFilter(period, angle)
		}
	}
	return bank
})

// alongFilter takes whole pixels on the line of the ridge.
func alongFilter(period, angle float64) line {
	sin, cos := math.Sincos(angle)
	sigma := alongShare * period
	reach := min(2.2*sigma, margin/2)
	step := 1 / max(math.Abs(sin), math.Abs(cos)) // one pixel on the longer axis
	var out line
	var sum float64
	n := int(reach / step)
	for k := -n; k <= n; k++ {
		d := float64(k) * step
		weight := math.Exp(-d * d / (2 * sigma * sigma))
		out.add(math.Round(d*cos), math.Round(-d*sin), weight)
		sum += weight
	}
	for i := range out.weights {
		out.weights[i] /= float32(sum)
	}
	return out
}

// acrossFilter takes whole pixels on the line across the ridge, each with the
// weight of its true distance; no mean, positive on dark ridges, and gain one
// for a wave of its period.
func acrossFilter(period, angle float64) line {
	sin, cos := math.Sincos(angle)
	sigma := acrossShare * period
	reach := min(2.5*sigma, margin-1)
	step := 1 / max(math.Abs(sin), math.Abs(cos))
	n := int(reach / step)
	var out line
	var gauss, wave []float64
	var sumGauss, sumWave float64
	for k := -n; k <= n; k++ {
		d := float64(k) * step
		dx, dy := math.Round(d*sin), math.Round(d*cos)
		u := dx*sin + dy*cos
		out.add(dx, dy, 0)
		g := math.Exp(-u * u / (2 * sigma * sigma))
		gauss, wave = append(gauss, g), append(wave, g*math.Cos(2*math.Pi*u/period))
		sumGauss, sumWave = sumGauss+g, sumWave+wave[len(wave)-1]
	}
	var gain float64
	for i := range out.weights {
		u := float64(out.dx[i])*sin + float64(out.dy[i])*cos
		wave[i] = gauss[i]*sumWave/sumGauss - wave[i]
		gain -= wave[i] * math.Cos(2*math.Pi*u/period)
	}
	for i := range out.weights {
		out.weights[i] = float32(wave[i] / gain)
	}
	return out
}

func (l *line) add(dx, dy, weight float64) {
	l.dx, l.dy = append(l.dx, int(dx)), append(l.dy, int(dy))
	l.weights = append(l.weights, float32(weight))
}

// enhancer chooses and runs the filters and keeps its room between images.
type enhancer struct {
	stride        int // that the banks are laid out for
	along, across tapBank
	serve         []int8 // filter width of each block, -1 for none
	columns       []spot // of the middles of a row's cells
	vx, vy        [2][]float32
	angles        []int32
	runs          []run
}

// lay sets up for planes of this stride and the widths for f's finger and one
// block around it.
func (e *enhancer) lay(f *field, stride int) {
	if e.stride != stride {
		e.stride = stride
		e.along.lay(&filters().along, stride)
		e.across.lay(&filters().across, stride)
	}
	e.serve = slices.Grow(e.serve[:0], len(f.width))[:len(f.width)]
	for i := range e.serve {
		e.serve[i] = -1
	}
	n := f.w * blockSide / cellSide
	e.angles = slices.Grow(e.angles[:0], n)[:n]
	for k := range e.vx {
		e.vx[k] = slices.Grow(e.vx[k][:0], n)[:n]
		e.vy[k] = slices.Grow(e.vy[k][:0], n)[:n]
	}
	e.columns = e.columns[:0]
	for x := range n {
		e.columns = append(e.columns, f.spot(float32(x*cellSide)+cellSide/2, 0))
	}
	for i, is := range f.finger {
		if !is {
			continue
		}
		for y := max(i/f.w-1, 0); y <= min(i/f.w+1, f.h-1); y++ {
			for x := max(i%f.w-1, 0); x <= min(i%f.w+1, f.w-1); x++ {
				e.serve[y*f.w+x] = f.width[y*f.w+x]
			}
		}
	}
}

// enhance sets to to the response to ridges: positive on ridges, negative on
// valleys. Off the finger it and tmp keep what they had.
func (e *enhancer) enhance(to, tmp, p *plane, f *field) {
	e.choose(p, f)
	f.kernel.filter(tmp.v, p.v, p.stride, e.runs, &e.along)
	f.kernel.filter(to.v, tmp.v, p.stride, e.runs, &e.across)
}

// choose lists the runs of cells: each takes its block's width and the angle
// of the orientation at its middle.
func (e *enhancer) choose(p *plane, f *field) {
	const perBlock = blockSide / cellSide
	e.runs = e.runs[:0]
	next := 0 // row of blocks to be interpolated; row y goes to slot y%2
	for y := range f.h * perBlock {
		s := f.spot(0, float32(y*cellSide)+cellSide/2)
		row := s.i / f.w
		for ; next <= row+1; next++ {
			e.alongCells(e.vx[next%2], f.vx[next*f.w:][:f.w])
			e.alongCells(e.vy[next%2], f.vy[next*f.w:][:f.w])
		}
		up, low := row%2, (row+1)%2
		f.kernel.directions(e.angles, e.vx[up], e.vy[up], e.vx[low], e.vy[low], s.fy)
		e.chooseRow(e.serve[y/perBlock*f.w:][:f.w], p.index(0, y*cellSide))
	}
}

// alongCells interpolates a row of blocks at the middles of its cells.
func (e *enhancer) alongCells(out, row []float32) {
	for x, s := range e.columns {
		out[x] = row[s.i] + float32((row[s.i+1]-row[s.i])*s.fx)
	}
}

func (e *enhancer) chooseRow(widths []int8, at int) {
	const none = -1
	last := int16(none)
	for x, angle := range e.angles {
		w := widths[x/(blockSide/cellSide)]
		if w < 0 {
			last = none
			continue
		}
		filter := int16(w)*filterAngles + int16(angle)
		if filter == last {
			e.runs[len(e.runs)-1].cells = 2
			last = none
			continue
		}
		e.runs = append(e.runs, run{int32(at + x*cellSide), filter, 1})
		last = filter
	}
}

// turns is the direction of (x, y), y upwards, 0..1 of a turn counter-clockwise
// from the x axis, within a thousandth.
func turns(y, x float32) float32 {
	ax, ay := max(x, -x), max(y, -y)
	if ax+ay == 0 {
		return 0
	}
	z := min(ax, ay) / max(ax, ay)
	t := float32(z * (0.125 + float32(0.04345*(1-z)))) // of the first eighth
	if ay > ax {
		t = 0.25 - t
	}
	if x < 0 {
		t = 0.5 - t
	}
	if y < 0 {
		t = 1 - t
	}
	return t
}

// widths chooses the filters by the period.
func (f *field) widths() {
	step := (filterWidths - 1) / math.Log(maxPeriod/minPeriod)
	for i, t := range f.period {
		w := math.Log(float64(t)/minPeriod) * step
		f.width[i] = int8(max(0, min(int(w+0.5), filterWidths-1)))
	}
}

// measureClarity fills clear with the squared correlation of the response with
// the image, over about 30 pixels. The image is taken without detail finer than
// ridges, so that the sharp edges of wet ridges and the dots of dry ones do not
// count as noise.
func (f *field) measureClarity(image, response *plane) {
	both, own := f.room(0), f.room(1)
	for y := range f.h {
		row, at := y*f.w, response.index(0, y*blockSide)
		f.kernel.products(f.clear[row:row+f.w], both[row:row+f.w], own[row:row+f.w], response.v[at:], image.v[at:], response.stride)
	}
	for range 2 {
		f.smooth(f.clear)
		f.smooth(both)
		f.smooth(own)
	}
	for i, c := range f.clear {
		f.clear[i] = 0
		c = -c // ridges are dark
		if d := both[i] * own[i]; d > 0 && c > 0 {
			f.clear[i] = min(c*c/d, 1)
		}
	}
}
