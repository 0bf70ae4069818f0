package finger

// grey is an image at 500 dpi, 0 black to 255 white.
type grey struct {
	w, h int
	pix  []float32
}

// newGrey copies the image and resamples it to 500 dpi: bilinear, after a box
// filter where the resolution falls by more than a third (ridges stay well
// under the sampling limit either way).
func newGrey(img Image) *grey {
	src := &grey{w: img.Width, h: img.Height, pix: make([]float32, len(img.Pixels))}
	for i, p := range img.Pixels {
		src.pix[i] = float32(p)
	}
	if img.DPI == DPI {
		return src
	}
	if img.DPI*2 > DPI*3 {
		src = src.box()
	}
	g := &grey{w: max(img.Width*DPI/img.DPI, 1), h: max(img.Height*DPI/img.DPI, 1)}
	g.pix = make([]float32, g.w*g.h)
	step := float32(img.DPI) / DPI
	for y := range g.h {
		for x := range g.w {
			g.pix[y*g.w+x] = src.at((float32(x)+0.5)*step-0.5, (float32(y)+0.5)*step-0.5)
		}
	}
	return g
}

// at samples bilinearly; outside the image the edge repeats.
func (g *grey) at(x, y float32) float32 {
	x = max(0, min(x, float32(g.w-1)))
	y = max(0, min(y, float32(g.h-1)))
	ix, iy := min(int(x), g.w-2), min(int(y), g.h-2)
	fx, fy := x-float32(ix), y-float32(iy)
	p := g.pix[iy*g.w+ix:]
	top := p[0] + (p[1]-p[0])*fx
	low := p[g.w] + (p[g.w+1]-p[g.w])*fx
	return top + (low-top)*fy
}

// box smooths with the 3x3 binomial.
func (g *grey) box() *grey {
	out := &grey{w: g.w, h: g.h, pix: make([]float32, len(g.pix))}
	for y := range g.h {
		up := max(y-1, 0) * g.w
		down := min(y+1, g.h-1) * g.w
		for x := range g.w {
			l, r := max(x-1, 0), min(x+1, g.w-1)
			row := y * g.w
			out.pix[row+x] = (4*g.pix[row+x] + 2*(g.pix[row+l]+g.pix[row+r]+g.pix[up+x]+g.pix[down+x]) +
				g.pix[up+l] + g.pix[up+r] + g.pix[down+l] + g.pix[down+r]) / 16
		}
	}
	return out
}
