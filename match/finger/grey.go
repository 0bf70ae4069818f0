package finger

// grey is an image at 500 dpi, 0 black to 255 white.
type grey struct {
	w, h int
	pix  []byte
}

// newGrey resamples the image to 500 dpi where it is not: bilinear, after a box
// filter where the resolution falls by more than a third (ridges stay well
// under the sampling limit either way). It shares the pixels where it is.
func newGrey(img Image) *grey {
	src := &grey{w: img.Width, h: img.Height, pix: img.Pixels}
	if img.DPI == DPI {
		return src
	}
	if img.DPI*2 > DPI*3 {
		src = src.box()
	}
	g := &grey{w: max(img.Width*DPI/img.DPI, 1), h: max(img.Height*DPI/img.DPI, 1)}
	g.pix = make([]byte, g.w*g.h)
	step := float32(img.DPI) / DPI
	for y := range g.h {
		for x := range g.w {
			g.pix[y*g.w+x] = byte(src.at((float32(x)+0.5)*step-0.5, (float32(y)+0.5)*step-0.5) + 0.5)
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
	a, b, c, d := float32(p[0]), float32(p[1]), float32(p[g.w]), float32(p[g.w+1])
	top := a + (b-a)*fx
	low := c + (d-c)*fx
	return top + (low-top)*fy
}

// box smooths with the 3x3 binomial.
func (g *grey) box() *grey {
	out := &grey{w: g.w, h: g.h, pix: make([]byte, len(g.pix))}
	for y := range g.h {
		up := g.pix[max(y-1, 0)*g.w:][:g.w]
		down := g.pix[min(y+1, g.h-1)*g.w:][:g.w]
		row := g.pix[y*g.w:][:g.w]
		column := func(x int) int { return int(up[x]) + 2*int(row[x]) + int(down[x]) }
		for x := range g.w {
			l, r := max(x-1, 0), min(x+1, g.w-1)
			out.pix[y*g.w+x] = byte((column(l) + 2*column(x) + column(r) + 8) / 16)
		}
	}
	return out
}
