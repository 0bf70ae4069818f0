package finger

import (
	"math"
	"sync"
)

const (
	filterRadius = 8
	filterSide   = 2*filterRadius + 1
	filterAngles = 32
	filterWidths = 10 // ridge periods in the bank
)

type filter [filterSide * filterSide]float32

// filters is the bank [period][angle], computed on first use and never
// changed: even Gabor filters without mean, positive where a dark ridge
// follows the angle.
var filters = sync.OnceValue(func() *[filterWidths][filterAngles]filter {
	bank := new([filterWidths][filterAngles]filter)
	for w := range bank {
		period := minPeriod * math.Pow(maxPeriod/minPeriod, float64(w)/(filterWidths-1))
		for a := range bank[w] {
			bank[w][a].fill(period, math.Pi*float64(a)/filterAngles)
		}
	}
	return bank
})

func (f *filter) fill(period, angle float64) {
	sin, cos := math.Sincos(angle)
	across := max(0.38*period, 2.2)
	along := 4.2
	var gauss, wave [filterSide * filterSide]float64
	var sumGauss, sumWave float64
	for i := range f {
		x, y := float64(i%filterSide-filterRadius), float64(i/filterSide-filterRadius)
		u, v := x*sin+y*cos, x*cos-y*sin
		gauss[i] = math.Exp(-u*u/(2*across*across) - v*v/(2*along*along))
		wave[i] = gauss[i] * math.Cos(2*math.Pi*u/period)
		sumGauss, sumWave = sumGauss+gauss[i], sumWave+wave[i]
	}
	for i := range f {
		f[i] = float32(gauss[i]*sumWave/sumGauss - wave[i])
	}
}

// ridgeMap is the binarised print: 1 on ridges, with a frame of one pixel of 0
// so that neighbours need no bounds check.
type ridgeMap struct {
	w, h   int // without the frame
	stride int
	on     []uint8
}

func newRidgeMap(w, h int) *ridgeMap {
	return &ridgeMap{w: w, h: h, stride: w + 2, on: make([]uint8, (w+2)*(h+2))}
}

func (r *ridgeMap) index(x, y int) int { return (y+1)*r.stride + x + 1 }

// enhance filters the finger blocks with the filter of their orientation and
// period, and keeps the sign.
func enhance(g *grey, b *blocks) *ridgeMap {
	bank := filters()
	padded := g.pad(filterRadius)
	stride := g.w + 2*filterRadius
	out := newRidgeMap(g.w, g.h)
	for by := range b.h {
		for bx := range b.w {
			i := by*b.w + bx
			if !b.finger[i] {
				continue
			}
			w := math.Log(b.period[i]/minPeriod) / math.Log(maxPeriod/minPeriod) * (filterWidths - 1)
			row := &bank[max(0, min(int(w+0.5), filterWidths-1))]
			for y := by * blockSide; y < min((by+1)*blockSide, g.h); y++ {
				for x := bx * blockSide; x < min((bx+1)*blockSide, g.w); x++ {
					a := int(b.orientation(x, y)/math.Pi*filterAngles+0.5) % filterAngles
					if row[a].apply(padded[y*stride+x:], stride) > 0 {
						out.on[out.index(x, y)] = 1
					}
				}
			}
		}
	}
	return out
}

// apply is the filter's response where the patch's upper left corner is from[0].
func (f *filter) apply(from []float32, stride int) float32 {
	var sum float32
	for r := range filterSide {
		in := from[r*stride : r*stride+filterSide : r*stride+filterSide]
		k := f[r*filterSide : r*filterSide+filterSide : r*filterSide+filterSide]
		s0, s1, s2, s3 := in[16]*k[16], float32(0), float32(0), float32(0)
		for j := 0; j+3 < filterSide; j += 4 {
			s0 += in[j] * k[j]
			s1 += in[j+1] * k[j+1]
			s2 += in[j+2] * k[j+2]
			s3 += in[j+3] * k[j+3]
		}
		sum += s0 + s1 + s2 + s3
	}
	return sum
}

// pad repeats the edge by n pixels on each side.
func (g *grey) pad(n int) []float32 {
	w := g.w + 2*n
	out := make([]float32, w*(g.h+2*n))
	for y := range g.h + 2*n {
		from := g.pix[max(0, min(y-n, g.h-1))*g.w:][:g.w]
		to := out[y*w:][:w]
		copy(to[n:], from)
		for x := range n {
			to[x], to[w-1-x] = from[0], from[g.w-1]
		}
	}
	return out
}
