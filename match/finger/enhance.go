package finger

import (
	"math"
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

// cell tells which filter serves 4x4 pixels; width -1 stands for none.
type cell struct{ width, angle int8 }

// cells chooses the filters for the finger and one block around it.
func (f *field) cells() (cells []cell, stride int) {
	stride = f.w * blockSide / cellSide
	cells = make([]cell, stride*f.h*blockSide/cellSide)
	near := f.nearFinger()
	for i := range cells {
		x, y := i%stride, i/stride
		cells[i].width = -1
		block := y*cellSide/blockSide*f.w + x*cellSide/blockSide
		if !near[block] {
			continue
		}
		s := f.spot(float32(x*cellSide)+cellSide/2, float32(y*cellSide)+cellSide/2)
		k := int(turns(f.mix(f.vy, s), f.mix(f.vx, s))*filterAngles + 0.5)
		cells[i] = cell{f.width[block], int8(k % filterAngles)}
	}
	return cells, stride
}

// turns is the direction of (x, y), y upwards, 0..1 of a turn counter-clockwise
// from the x axis, within a thousandth.
func turns(y, x float32) float32 {
	ax, ay := max(x, -x), max(y, -y)
	if ax+ay == 0 {
		return 0
	}
	z := min(ax, ay) / max(ax, ay)
	t := z * (0.125 + 0.04345*(1-z)) // of the first eighth
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

// nearFinger marks the finger's blocks and those next to them.
func (f *field) nearFinger() []bool {
	out := make([]bool, len(f.finger))
	for i, is := range f.finger {
		if !is {
			continue
		}
		for y := max(i/f.w-1, 0); y <= min(i/f.w+1, f.h-1); y++ {
			for x := max(i%f.w-1, 0); x <= min(i%f.w+1, f.w-1); x++ {
				out[y*f.w+x] = true
			}
		}
	}
	return out
}

// enhance sets to to the response to ridges: positive on ridges, negative on
// valleys. Off the finger it and tmp keep what they had.
func enhance(to, tmp, p *plane, f *field) {
	bank := filters()
	cells, stride := f.cells()
	filter(tmp, p, cells, stride, &bank.along)
	filter(to, tmp, cells, stride, &bank.across)
}

func filter(to, from *plane, cells []cell, stride int, bank *[filterWidths][filterAngles]line) {
	var offsets [2 * margin]int
	var l *line
	last := cell{width: -1}
	for i, c := range cells {
		if c.width < 0 {
			continue
		}
		if c != last { // neighbours often share a filter
			last, l = c, &bank[c.width][c.angle]
			for k, dx := range l.dx {
				offsets[k] = 4 * (l.dy[k]*from.stride + dx)
			}
		}
		sumCell(to, from, from.index(i%stride*cellSide, i/stride*cellSide), offsets[:len(l.dx)], l.weights)
	}
}

// sumCellGo filters the 4x4 values from index at on; offsets count bytes.
func sumCellGo(to, from *plane, at int, offsets []int, weights []float32) {
	for range cellSide {
		var s0, s1, s2, s3 float32
		for k, w := range weights {
			in := from.v[at+offsets[k]/4:][:cellSide]
			s0 += w * in[0]
			s1 += w * in[1]
			s2 += w * in[2]
			s3 += w * in[3]
		}
		out := to.v[at:][:cellSide]
		out[0], out[1], out[2], out[3] = s0, s1, s2, s3
		at += from.stride
	}
}

// measureClarity fills clear with the squared correlation of the response with
// the image, over about 30 pixels. The image is taken without detail finer than
// ridges, so that the sharp edges of wet ridges and the dots of dry ones do not
// count as noise.
func (f *field) measureClarity(image, response *plane) {
	n := f.w * f.h
	both, own := make([]float32, n), make([]float32, n)
	for by := range f.h {
		for bx := range f.w {
			var rr, ii, ri float32
			for y := by * blockSide; y < (by+1)*blockSide; y++ {
				at := response.index(bx*blockSide, y)
				in := image.v[at:][:blockSide]
				for k, r := range response.v[at:][:blockSide] {
					rr += r * r
					ii += in[k] * in[k]
					ri -= r * in[k] // ridges are dark
				}
			}
			i := by*f.w + bx
			f.clear[i], both[i], own[i] = ri, rr, ii
		}
	}
	for range 2 {
		f.smooth(f.clear)
		f.smooth(both)
		f.smooth(own)
	}
	for i, c := range f.clear {
		f.clear[i] = 0
		if d := both[i] * own[i]; d > 0 && c > 0 {
			f.clear[i] = min(c*c/d, 1)
		}
	}
}
