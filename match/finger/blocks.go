package finger

import (
	"math"
	"slices"
)

const (
	blockSide = 8  // pixels
	minBlocks = 80 // of finger: 9 x 9 mm of skin at 500 dpi are 500 blocks
)

// blocks is what is known of the image per block of 8x8 pixels.
type blocks struct {
	w, h      int // blocks
	finger    []bool
	count     int       // of finger blocks
	angle     []float64 // ridge orientation, radians 0..pi, counter-clockwise, y upwards
	coherence []float64 // 0 no direction, 1 one direction
	period    []float64 // ridge distance, pixels
	energy    []float64 // mean squared gradient
	ax, ay    []float64 // the orientation as a doubled-angle vector, for interpolation
}

// analyse computes the structure tensor per block and from it orientation,
// coherence and the segmentation.
func analyse(g *grey) *blocks {
	b := &blocks{w: (g.w + blockSide - 1) / blockSide, h: (g.h + blockSide - 1) / blockSide}
	n := b.w * b.h
	xx, yy, xy := make([]float64, n), make([]float64, n), make([]float64, n)
	for y := 1; y < g.h-1; y++ {
		up, row, down := g.pix[(y-1)*g.w:][:g.w], g.pix[y*g.w:][:g.w], g.pix[(y+1)*g.w:][:g.w]
		for x := 1; x < g.w-1; x++ {
			// Sobel, y upwards.
			dx := float64(up[x+1] - up[x-1] + 2*(row[x+1]-row[x-1]) + down[x+1] - down[x-1])
			dy := float64(up[x-1] + 2*up[x] + up[x+1] - down[x-1] - 2*down[x] - down[x+1])
			i := y/blockSide*b.w + x/blockSide
			xx[i] += dx * dx
			yy[i] += dy * dy
			xy[i] += dx * dy
		}
	}
	b.energy = make([]float64, n)
	for i := range n {
		b.energy[i] = (xx[i] + yy[i]) / (blockSide * blockSide * 64)
	}
	b.energy = b.smooth(b.energy)
	b.segment()
	for range 2 {
		xx, yy, xy = b.smooth(xx), b.smooth(yy), b.smooth(xy)
	}
	b.angle, b.coherence = make([]float64, n), make([]float64, n)
	b.ax, b.ay = make([]float64, n), make([]float64, n)
	for i := range n {
		c, s := xx[i]-yy[i], 2*xy[i]
		if sum := xx[i] + yy[i]; sum > 0 {
			b.coherence[i] = math.Hypot(c, s) / sum
		}
		// The ridge is perpendicular to the gradient.
		b.angle[i] = math.Mod(math.Atan2(s, c)/2+math.Pi/2+math.Pi, math.Pi)
		b.ay[i], b.ax[i] = math.Sincos(2 * b.angle[i])
	}
	return b
}

// smooth is the 3x3 binomial over blocks; beyond the border nothing counts.
func (b *blocks) smooth(v []float64) []float64 {
	out := make([]float64, len(v))
	for y := range b.h {
		for x := range b.w {
			var sum, weight float64
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					if b.has(x+dx, y+dy) {
						k := float64((2 - dx*dx) * (2 - dy*dy))
						sum += k * v[(y+dy)*b.w+x+dx]
						weight += k
					}
				}
			}
			out[y*b.w+x] = sum / weight
		}
	}
	return out
}

func (b *blocks) has(x, y int) bool { return x >= 0 && y >= 0 && x < b.w && y < b.h }

// Ridges give a mean squared gradient of some hundred; the noise of an empty
// sensor some units.
const (
	minEnergy   = 25.0
	energyShare = 0.12 // of the image's own strong blocks
)

// segment marks the blocks where there is finger: strong gradients, one
// connected region, without holes.
func (b *blocks) segment() {
	sorted := slices.Clone(b.energy)
	slices.Sort(sorted)
	floor := max(minEnergy, energyShare*sorted[len(sorted)*9/10])
	b.finger = make([]bool, len(b.energy))
	for i, e := range b.energy {
		b.finger[i] = e >= floor
	}
	b.keepLargest(true)
	b.keepLargest(false) // the ground around: every other gap is a hole and is filled
	b.count = 0
	for _, f := range b.finger {
		if f {
			b.count++
		}
	}
}

// keepLargest turns every 4-connected region of the given state into its
// opposite, but the largest; regions of ground that touch the border stay.
func (b *blocks) keepLargest(state bool) {
	seen := make([]bool, len(b.finger))
	var regions [][]int
	largest := -1
	for start := range b.finger {
		if seen[start] || b.finger[start] != state {
			continue
		}
		region, border := b.flood(start, state, seen)
		if !state && border {
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
			b.finger[i] = !state
		}
	}
}

func (b *blocks) flood(start int, state bool, seen []bool) (region []int, border bool) {
	region = append(region, start)
	seen[start] = true
	for k := 0; k < len(region); k++ {
		x, y := region[k]%b.w, region[k]/b.w
		for _, d := range [4][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
			if !b.has(x+d[0], y+d[1]) {
				border = true
				continue
			}
			i := (y+d[1])*b.w + x + d[0]
			if !seen[i] && b.finger[i] == state {
				seen[i] = true
				region = append(region, i)
			}
		}
	}
	return region, border
}

// fingerAt reports whether the pixel lies on finger.
func (b *blocks) fingerAt(x, y int) bool {
	if x < 0 || y < 0 {
		return false
	}
	x, y = x/blockSide, y/blockSide
	return x < b.w && y < b.h && b.finger[y*b.w+x]
}

// orientation interpolates the ridge orientation at a pixel, radians 0..pi.
func (b *blocks) orientation(x, y int) float64 {
	fx := max(0, min(float64(x)/blockSide-0.5, float64(b.w)-1.001))
	fy := max(0, min(float64(y)/blockSide-0.5, float64(b.h)-1.001))
	ix, iy := int(fx), int(fy)
	fx, fy = fx-float64(ix), fy-float64(iy)
	i := iy*b.w + ix
	mix := func(v []float64) float64 {
		return (v[i]*(1-fx)+v[i+1]*fx)*(1-fy) + (v[i+b.w]*(1-fx)+v[i+b.w+1]*fx)*fy
	}
	a := math.Atan2(mix(b.ay), mix(b.ax)) / 2
	if a < 0 {
		a += math.Pi
	}
	return a
}
