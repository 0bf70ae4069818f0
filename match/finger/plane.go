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
	scale := make([]float32, len(f.dev))
	for i, d := range f.dev {
		scale[i] = 1 / max(d, noiseFloor)
	}
	// Between the middles of two rows of blocks both maps are linear.
	mean, gain := make([]float32, f.w), make([]float32, f.w)
	for y := range g.h {
		fy := max(0, min((float32(y)+0.5)/blockSide-0.5, float32(f.h)-1.001))
		iy := int(fy)
		fy -= float32(iy)
		up := iy * f.w
		down := min(iy+1, f.h-1) * f.w
		for x := range mean {
			mean[x] = f.mean[up+x] + (f.mean[down+x]-f.mean[up+x])*fy
			gain[x] = scale[up+x] + (scale[down+x]-scale[up+x])*fy
		}
		out := p.v[p.index(0, y):][:g.w]
		in := g.pix[y*g.w:][:g.w]
		for bx := -1; bx < f.w; bx++ {
			l, r := max(bx, 0), min(bx+1, f.w-1)
			m, dm := mean[l], (mean[r]-mean[l])/blockSide
			s, ds := gain[l], (gain[r]-gain[l])/blockSide
			m, s = m+dm/2, s+ds/2
			for x := bx*blockSide + blockSide/2; x < bx*blockSide+blockSide+blockSide/2; x++ {
				if x >= 0 && x < g.w {
					out[x] = max(-clip, min((float32(in[x])-m)*s, clip))
				}
				m, s = m+dm, s+ds
			}
		}
	}
}

// clip bounds normalised values: scars, dirt and saturated pixels must not
// outweigh ridges, whose amplitude is about 1.4.
const clip = 2.5

// blur smooths with the binomial (1 4 6 4 1) in both directions.
func blur(out, tmp, p *plane) {
	for y := range p.h {
		i := p.index(-2, y)
		in := p.v[i:][:p.w+4]
		to := tmp.v[i+2:][:p.w]
		for x := range to {
			to[x] = (in[x]+in[x+4])*(1.0/16) + (in[x+1]+in[x+3])*(4.0/16) + in[x+2]*(6.0/16)
		}
	}
	for y := range p.h {
		i := p.index(0, y)
		a, b, c := tmp.v[i-2*p.stride:][:p.w], tmp.v[i-p.stride:][:p.w], tmp.v[i:][:p.w]
		d, e := tmp.v[i+p.stride:][:p.w], tmp.v[i+2*p.stride:][:p.w]
		to := out.v[i:][:p.w]
		for x := range to {
			to[x] = (a[x]+e[x])*(1.0/16) + (b[x]+d[x])*(4.0/16) + c[x]*(6.0/16)
		}
	}
}
