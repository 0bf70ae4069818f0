package finger

import "math"

// orient fills vx and vy with the ridge orientation: the structure tensor of
// the image per block, smoothed at several scales that are added. Where ridges
// are clear the fine scale outweighs the coarse ones; where it finds no
// direction its vector vanishes and the surroundings decide.
func (f *field) orient(p *plane) {
	c, s, e := f.room(0), f.room(1), f.room(2)
	clear(c)
	clear(s)
	clear(e)
	full := p.w / blockSide
	for y := range f.h {
		from, rows := y*f.w, min(blockSide, p.h-y*blockSide)
		at := p.v[p.index(-1, y*blockSide-1):]
		f.kernel.gradients(c[from:], s[from:], e[from:], f.finger[from:from+full], at, p.stride, rows)
		if i := from + full; full < f.w && f.finger[i] {
			c[i], s[i], e[i] = blockGradients(at[full*blockSide:], p.stride, rows, p.w%blockSide)
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
			f.vx[i] -= float32(scale.weight * c[i]) // the ridge is perpendicular to the gradient
			f.vy[i] -= float32(scale.weight * s[i])
			energy[i] += float32(scale.weight * e[i])
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
