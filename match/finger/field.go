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
	rooms     [3][]float32 // for whoever measures, one at a time
	queue     []int32      // blocks
	seen      []bool

	kernel *kernel
	whole  []float32 // all of the float32 slices' room
}

func newField(w, h int) *field {
	f := new(field)
	f.reset(w, h)
	return f
}

// reset sets the image's size and clears the field.
func (f *field) reset(w, h int) {
	f.w, f.h = (w+blockSide-1)/blockSide, (h+blockSide-1)/blockSide
	n := f.w * f.h
	lists := [...]*[]float32{&f.mean, &f.dev, &f.vx, &f.vy, &f.period, &f.clear, &f.tmp, &f.rooms[0], &f.rooms[1], &f.rooms[2]}
	if len(f.whole) < len(lists)*n {
		f.whole = make([]float32, len(lists)*n)
		f.finger, f.width, f.seen = make([]bool, n), make([]int8, n), make([]bool, n)
	}
	clear(f.whole)
	for i, v := range lists {
		*v = f.whole[i*n : (i+1)*n : (i+1)*n]
	}
	f.finger, f.width, f.seen = f.finger[:n], f.width[:n], f.seen[:n]
	clear(f.finger)
	f.count = 0
	if f.kernel == nil {
		f.kernel = currentKernel()
	}
}

// room is a list of values, one a block, for use within one step.
func (f *field) room(i int) []float32 { return f.rooms[i] }

// smooth is the 3x3 binomial over blocks in place, as two passes of (1 2 1);
// beyond the border nothing counts, so the sums keep their scale only up to it.
func (f *field) smooth(v []float32) {
	// Both passes run over all rows at once; what they make of the ends of rows
	// is set right after.
	n, w := len(v), f.w
	across := f.tmp
	f.kernel.binomial3(across[1:n-1], v, v[1:], v[2:])
	for at := 0; at < n; at += w {
		row, out := v[at:at+w], across[at:at+w]
		out[0] = (float32(2*row[0]) + row[1]) / 3
		out[w-1] = (float32(2*row[w-1]) + row[w-2]) / 3
	}
	f.kernel.binomial3(v[w:n-w], across, across[w:], across[2*w:])
	for x := range w {
		v[x] = (float32(2*across[x]) + across[w+x]) / 3
		v[n-w+x] = (float32(2*across[n-w+x]) + across[n-2*w+x]) / 3
	}
}

// measureContrast fills mean and dev from the grey levels, over about 40 pixels.
func (f *field) measureContrast(g *grey) {
	square := f.dev
	sums := make([]int32, 2*f.w)
	for by := range f.h {
		rows, full := min(blockSide, g.h-by*blockSide), g.w/blockSide
		sum, sum2 := sums[:f.w], sums[f.w:]
		in := g.pix[by*blockSide*g.w:]
		f.kernel.contrasts(sum[:full], sum2[:full], in, g.w, rows)
		if full < f.w {
			sum[full], sum2[full] = blockContrast(in[full*blockSide:], g.w, rows, g.w%blockSide)
		}
		for bx := range f.w {
			n := float32(rows * min(blockSide, g.w-bx*blockSide))
			f.mean[by*f.w+bx] = float32(sum[bx]) / n
			square[by*f.w+bx] = float32(sum2[bx]) / n
		}
	}
	for range contrastPasses {
		f.smooth(f.mean)
		f.smooth(square)
	}
	for i, m := range f.mean {
		f.dev[i] = float32(math.Sqrt(float64(max(square[i]-float32(m*m), 0))))
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
	sorted := append(f.room(0)[:0], f.dev...) //nolint:gocritic // in the room of this step
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
	clear(f.seen)
	var largest []int32
	turn := func(region []int32) {
		for _, i := range region {
			f.finger[i] = !state
		}
	}
	f.queue = slices.Grow(f.queue[:0], len(f.finger)) // regions of one state never hold more
	for start := range f.finger {
		if f.seen[start] || f.finger[start] != state {
			continue
		}
		region, border := f.flood(start, state)
		switch {
		case state && len(region) > len(largest):
			turn(largest)
			largest = region
		case state || !border && len(region) <= largestHole:
			turn(region)
		}
	}
}

// flood lists the region of a block. Blocks that were seen are of another.
func (f *field) flood(start int, state bool) (region []int32, border bool) {
	from := len(f.queue)
	visit := func(i int) {
		if !f.seen[i] && f.finger[i] == state {
			f.seen[i] = true
			f.queue = append(f.queue, int32(i))
		}
	}
	visit(start)
	for k := from; k < len(f.queue); k++ {
		i := int(f.queue[k])
		x, y := i%f.w, i/f.w
		if x == 0 || y == 0 || x == f.w-1 || y == f.h-1 {
			border = true
		}
		if x < f.w-1 {
			visit(i + 1)
		}
		if x > 0 {
			visit(i - 1)
		}
		if y < f.h-1 {
			visit(i + f.w)
		}
		if y > 0 {
			visit(i - f.w)
		}
	}
	return f.queue[from:], border
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
	top := v[s.i] + float32((v[s.i+1]-v[s.i])*s.fx)
	low := v[s.i+f.w] + float32((v[s.i+f.w+1]-v[s.i+f.w])*s.fx)
	return top + float32((low-top)*s.fy)
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
