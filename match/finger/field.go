package finger

import (
	"math"
	"slices"
)

const (
	blockSide = 8  // pixels
	minBlocks = 60 // of finger: 9 x 9 mm of skin at 500 dpi are 500 blocks
)

// field is what is known of the image per block of 8x8 pixels.
type field struct {
	w, h      int // blocks
	finger    []bool
	count     int       // of finger blocks
	mean, dev []float32 // grey level around the block and its standard deviation
	vx, vy    []float32 // ridge orientation as a doubled-angle vector; its length is the coherence
	period    []float32 // ridge distance, pixels
	clear     []float32 // 0 noise .. 1 a pure wave: the share of contrast that the ridges explain
	width     []int8    // the filters that fit the period
	tmp       []float32
}

func newField(w, h int) *field {
	f := &field{w: (w + blockSide - 1) / blockSide, h: (h + blockSide - 1) / blockSide}
	n := f.w * f.h
	room := make([]float32, 7*n)
	for i, v := range []*[]float32{&f.mean, &f.dev, &f.vx, &f.vy, &f.period, &f.clear, &f.tmp} {
		*v = room[i*n : (i+1)*n : (i+1)*n]
	}
	f.finger, f.width = make([]bool, n), make([]int8, n)
	return f
}

func (f *field) has(x, y int) bool { return x >= 0 && y >= 0 && x < f.w && y < f.h }

// smooth is the 3x3 binomial over blocks in place, as two passes of (1 2 1);
// beyond the border nothing counts, so the sums keep their scale only up to it.
func (f *field) smooth(v []float32) {
	for y := range f.h {
		row, out := v[y*f.w:][:f.w], f.tmp[y*f.w:][:f.w]
		last := f.w - 1
		for x := 1; x < last; x++ {
			out[x] = 0.25*(row[x-1]+row[x+1]) + 0.5*row[x]
		}
		out[0] = (2*row[0] + row[min(1, last)]) / 3
		out[last] = (2*row[last] + row[max(last-1, 0)]) / 3
	}
	for y := range f.h {
		row, out := f.tmp[y*f.w:][:f.w], v[y*f.w:][:f.w]
		switch {
		case f.h == 1:
			copy(out, row)
		case y == 0 || y == f.h-1:
			other := f.tmp[max(y-1, 0)*f.w:][:f.w]
			if y == 0 {
				other = f.tmp[f.w:][:f.w]
			}
			for x := range out {
				out[x] = (2*row[x] + other[x]) / 3
			}
		default:
			up, down := f.tmp[(y-1)*f.w:][:f.w], f.tmp[(y+1)*f.w:][:f.w]
			for x := range out {
				out[x] = 0.25*(up[x]+down[x]) + 0.5*row[x]
			}
		}
	}
}

// measureContrast fills mean and dev from the grey levels, over about 40 pixels.
func (f *field) measureContrast(g *grey) {
	square := f.dev
	for by := range f.h {
		for bx := range f.w {
			x0, x1 := bx*blockSide, min((bx+1)*blockSide, g.w)
			var sum, sum2 int
			n := 0
			for y := by * blockSide; y < min((by+1)*blockSide, g.h); y++ {
				for _, p := range g.pix[y*g.w+x0 : y*g.w+x1] {
					sum += int(p)
					sum2 += int(p) * int(p)
				}
				n += x1 - x0
			}
			f.mean[by*f.w+bx] = float32(sum) / float32(n)
			square[by*f.w+bx] = float32(sum2) / float32(n)
		}
	}
	for range contrastPasses {
		f.smooth(f.mean)
		f.smooth(square)
	}
	for i, m := range f.mean {
		f.dev[i] = float32(math.Sqrt(float64(max(square[i]-m*m, 0))))
	}
}

const (
	contrastPasses = 3
	noiseFloor     = 2.0 // grey levels: less contrast than this is the sensor's noise
	contrastShare  = 0.3 // of the image's own strong blocks, less is no finger
	clearEnough    = 0.25
)

// fingerByContrast is the first segmentation: where grey levels vary.
func (f *field) fingerByContrast() {
	sorted := slices.Clone(f.dev)
	slices.Sort(sorted)
	floor := max(noiseFloor, contrastShare*sorted[len(sorted)*9/10])
	for i, d := range f.dev {
		f.finger[i] = d >= floor
	}
	f.close()
}

// fingerByRidges is the final one: of that, where ridges explain the contrast.
func (f *field) fingerByRidges() {
	for i, c := range f.clear {
		f.finger[i] = f.finger[i] && c >= clearEnough
	}
	f.close()
}

// close keeps the largest region, fills its holes and counts it.
func (f *field) close() {
	f.keepLargest(true)
	f.keepLargest(false) // the ground around: every other gap is a hole and is filled
	f.count = 0
	for _, is := range f.finger {
		if is {
			f.count++
		}
	}
}

// keepLargest turns every 4-connected region of the given state into its
// opposite, but the largest; regions of ground that touch the border or are
// large stay.
func (f *field) keepLargest(state bool) {
	const largestHole = 60 // blocks
	seen := make([]bool, len(f.finger))
	var regions [][]int
	largest := -1
	for start := range f.finger {
		if seen[start] || f.finger[start] != state {
			continue
		}
		region, border := f.flood(start, state, seen)
		if !state && (border || len(region) > largestHole) {
			continue
		}
		regions = append(regions, region)
		if state && (largest < 0 || len(region) > len(regions[largest])) {
			largest = len(regions) - 1
		}
	}
	for k, region := range regions {
		if k == largest {
			continue
		}
		for _, i := range region {
			f.finger[i] = !state
		}
	}
}

func (f *field) flood(start int, state bool, seen []bool) (region []int, border bool) {
	region = append(region, start)
	seen[start] = true
	for k := 0; k < len(region); k++ {
		x, y := region[k]%f.w, region[k]/f.w
		for _, d := range [4][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
			if !f.has(x+d[0], y+d[1]) {
				border = true
				continue
			}
			i := (y+d[1])*f.w + x + d[0]
			if !seen[i] && f.finger[i] == state {
				seen[i] = true
				region = append(region, i)
			}
		}
	}
	return region, border
}

// fingerAt reports whether the pixel lies on finger.
func (f *field) fingerAt(x, y int) bool {
	if x < 0 || y < 0 {
		return false
	}
	x, y = x/blockSide, y/blockSide
	return x < f.w && y < f.h && f.finger[y*f.w+x]
}

// place is where a pixel lies between four blocks' middles.
type spot struct {
	i      int // the upper left block
	fx, fy float32
}

func (f *field) spot(x, y float32) spot {
	fx := max(0, min(x/blockSide-0.5, float32(f.w)-1.001))
	fy := max(0, min(y/blockSide-0.5, float32(f.h)-1.001))
	ix, iy := int(fx), int(fy)
	return spot{iy*f.w + ix, fx - float32(ix), fy - float32(iy)}
}

// mix interpolates v bilinearly.
func (f *field) mix(v []float32, s spot) float32 {
	top := v[s.i] + (v[s.i+1]-v[s.i])*s.fx
	low := v[s.i+f.w] + (v[s.i+f.w+1]-v[s.i+f.w])*s.fx
	return top + (low-top)*s.fy
}

// orientation is the ridge orientation at a pixel, radians 0..pi,
// counter-clockwise, y upwards.
func (f *field) orientation(x, y int) float64 {
	s := f.spot(float32(x)+0.5, float32(y)+0.5)
	a := math.Atan2(float64(f.mix(f.vy, s)), float64(f.mix(f.vx, s))) / 2
	if a < 0 {
		a += math.Pi
	}
	return a
}
