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
	// Where each row and column lies in the source is the same for all of the
	// other's.
	step := float32(img.DPI) / DPI
	columns, rows := make([]between, g.w), make([]between, g.h)
	for x := range columns {
		columns[x] = betweenPixels((float32(x)+0.5)*step-0.5, src.w)
	}
	for y := range rows {
		rows[y] = betweenPixels((float32(y)+0.5)*step-0.5, src.h)
	}
	for y, r := range rows {
		up, low := src.pix[r.first*src.w:][:src.w], src.pix[(r.first+1)*src.w:][:src.w]
		out := g.pix[y*g.w:][:g.w]
		for x, c := range columns {
			out[x] = byte(bilinear(up[c.first:][:2], low[c.first:][:2], c.share, r.share) + 0.5)
		}
	}
	return g
}

// between is a place between a pixel and the next one on an axis.
type between struct {
	first int
	share float32 // of the next
}

// betweenPixels keeps v within the n pixels: outside the image the edge repeats.
func betweenPixels(v float32, n int) between {
	v = max(0, min(v, float32(n-1)))
	first := min(int(v), n-2)
	return between{first, v - float32(first)}
}

// bilinear is the value between two pixels and the two under them.
func bilinear(up, low []byte, fx, fy float32) float32 {
	a, b, c, d := float32(up[0]), float32(up[1]), float32(low[0]), float32(low[1])
	top := a + float32((b-a)*fx)
	bottom := c + float32((d-c)*fx)
	return top + float32((bottom-top)*fy)
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
