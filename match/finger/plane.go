package finger

// margin is the frame of zeros around a plane, so that filters need no bounds
// of their own: more than the reach of any.
const margin = 24

// plane is a signed image with a frame of margin zeros on each side.
type plane struct {
	w, h, stride int
	v            []float32
}

// reset sets the size and clears the plane.
func (p *plane) reset(w, h int) {
	p.w, p.h, p.stride = w, h, (w+2*margin+7)&^7
	size := p.stride * (h + 2*margin + blockSide) // the last row of blocks may stand over
	if cap(p.v) < size {
		p.v = make([]float32, size)
		return
	}
	p.v = p.v[:size]
	clear(p.v)
}

func (p *plane) index(x, y int) int { return (y+margin)*p.stride + x + margin }

// normalise takes the local mean from every pixel and divides by the local
// contrast, so that pressure, moisture and the sensor's gain do not matter.
func normalise(p *plane, g *grey, f *field) {
	scale := f.room(0)
	for i, d := range f.dev {
		scale[i] = 1 / max(d, noiseFloor)
	}
	// Between the middles of blocks both maps are linear; before the first and
	// after the last they are level.
	mean, gain := make([]float32, f.w+2), make([]float32, f.w+2)
	const half = blockSide / 2
	for y := range g.h {
		s := f.spot(0, float32(y)+0.5)
		mixRows(mean, f.mean[s.i:], f.w, s.fy)
		mixRows(gain, scale[s.i:], f.w, s.fy)
		out := p.v[p.index(0, y):][:g.w]
		in := g.pix[y*g.w:][:g.w]
		normaliseGo(out[:half], in, mean, gain)
		f.kernel.normalise(out[half:], in[half:], mean[1:], gain[1:])
	}
}

// mixRows interpolates between two rows of w blocks and repeats the ends.
func mixRows(out, v []float32, w int, fy float32) {
	for x := range w {
		out[x+1] = v[x] + float32((v[w+x]-v[x])*fy)
	}
	out[0], out[w+1] = out[1], out[w]
}

// clip bounds normalised values: scars, dirt and saturated pixels must not
// outweigh ridges, whose amplitude is about 1.4.
const clip = 2.5

// blur smooths with the binomial (1 4 6 4 1) in both directions.
func blur(out, tmp, p *plane, k *kernel) {
	for y := range p.h {
		i := p.index(0, y)
		in := p.v[i-2:]
		k.binomial5(tmp.v[i:][:p.w], in, in[1:], in[2:], in[3:], in[4:])
	}
	for y := range p.h {
		i, s := p.index(0, y), p.stride
		k.binomial5(out.v[i:][:p.w], tmp.v[i-2*s:], tmp.v[i-s:], tmp.v[i:], tmp.v[i+s:], tmp.v[i+2*s:])
	}
}
