package finger

import "math"

// orient fills vx and vy with the ridge orientation: the structure tensor of
// the image per block, smoothed at several scales that are added. Where ridges
// are clear the fine scale outweighs the coarse ones; where it finds no
// direction its vector vanishes and the surroundings decide.
func (f *field) orient(p *plane) {
	n := f.w * f.h
	c, s, e := make([]float32, n), make([]float32, n), make([]float32, n)
	for y := 0; y < p.h; y++ {
		from := y / blockSide * f.w
		i := p.index(0, y)
		up, row, down := p.v[i-p.stride-1:][:p.w+2], p.v[i-1:][:p.w+2], p.v[i+p.stride-1:][:p.w+2]
		for bx := range f.w {
			if !f.finger[from+bx] {
				continue
			}
			var cc, ss, ee float32
			for x := bx * blockSide; x < min((bx+1)*blockSide, p.w); x++ {
				// Sobel, y upwards.
				l := up[x] + 2*row[x] + down[x]
				r := up[x+2] + 2*row[x+2] + down[x+2]
				t := up[x] + 2*up[x+1] + up[x+2]
				b := down[x] + 2*down[x+1] + down[x+2]
				dx, dy := r-l, t-b
				xx, yy := dx*dx, dy*dy
				cc += xx - yy
				ss += dx * dy
				ee += xx + yy
			}
			c[from+bx] += cc
			s[from+bx] += 2 * ss
			e[from+bx] += ee
		}
	}
	clear(f.vx)
	clear(f.vy)
	energy := f.clear // free until it is measured
	clear(energy)
	for _, scale := range orientationScales {
		for range scale.passes {
			f.smooth(c)
			f.smooth(s)
			f.smooth(e)
		}
		for i := range c {
			f.vx[i] -= scale.weight * c[i] // the ridge is perpendicular to the gradient
			f.vy[i] -= scale.weight * s[i]
			energy[i] += scale.weight * e[i]
		}
	}
	for i, sum := range energy {
		if sum > 0 {
			f.vx[i] /= sum
			f.vy[i] /= sum
		}
	}
}

// orientationScales are cumulative passes of smoothing and their weights.
var orientationScales = [...]struct {
	passes int
	weight float32
}{{1, 1}, {2, 1}, {5, 0.5}}

func (f *field) coherence(i int) float32 {
	return float32(math.Sqrt(float64(f.vx[i]*f.vx[i] + f.vy[i]*f.vy[i])))
}
