package face

import (
	"image"
	"math"
)

// Patch is a small image in planes of numbers from 0 to 255, red, green, blue,
// each Width*Height, row major: what a network's input is made of.
type Patch struct {
	Width, Height int
	Pix           []float32
}

// Cut samples img at the places that from, which takes the patch's coordinates
// to the image's, gives. Where the image is finer than the patch, each pixel is
// the mean of the area that it covers; between pixels it is bilinear. Beyond the
// image's edge there is black.
func Cut(img *image.RGBA, from Similarity, width, height int) *Patch {
	p := &Patch{Width: width, Height: height, Pix: make([]float32, 3*width*height)}
	plane := width * height
	warp(img, from, width, height, false, func(y int, sums []uint32, bits int) {
		at, share := y*width, 1/float32(int(1)<<bits)
		red, green, blue := p.Pix[at:at+width], p.Pix[plane+at:plane+at+width], p.Pix[2*plane+at:2*plane+at+width]
		for x := range red {
			c := sums[3*x : 3*x+3 : 3*x+3]
			red[x], green[x], blue[x] = float32(c[0])*share, float32(c[1])*share, float32(c[2])*share
		}
	})
	return p
}

// warp gives each row of a patch of width*height as sums of samples, red, green
// and blue of each pixel: 0 to 255 with bits of fraction.
func warp(img *image.RGBA, from Similarity, width, height int, mirrored bool, row func(y int, sums []uint32, bits int)) {
	img, from = shrunk(img, from, width, height)
	n, bits := 1, 2*weightBits // samples a side
	if from.Scale() > 1.01 {
		n, bits = 2, bits+2
	}
	step := 1 / float64(n)
	sums := make([]uint32, 3*width)
	for y := range height {
		clear(sums)
		for sy := range n {
			for sx := range n {
				rowOf(from, width, y, (float64(sx)+0.5)*step, (float64(sy)+0.5)*step, mirrored).addTo(sums, img)
			}
		}
		row(y, sums, bits)
	}
}

// shrunk returns the part of img that a patch sees, scaled down by the whole
// factor that leaves it at least as fine as the patch, and the way into it.
func shrunk(img *image.RGBA, from Similarity, width, height int) (*image.RGBA, Similarity) {
	k := int(from.Scale())
	if k < 2 {
		return img, from
	}
	corners := []Point{{0, 0}, {float64(width), 0}, {0, float64(height)}, {float64(width), float64(height)}}
	low, high := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, c := range corners {
		c = from.Apply(c)
		low = Point{math.Min(low.X, c.X), math.Min(low.Y, c.Y)}
		high = Point{math.Max(high.X, c.X), math.Max(high.Y, c.Y)}
	}
	margin := 2 * float64(k)
	whole := func(v float64) int { return int(math.Max(-1e6, math.Min(1e6, math.Floor(v)))) }
	r := image.Rect(whole(low.X-margin), whole(low.Y-margin), whole(high.X+margin), whole(high.Y+margin)).Intersect(img.Rect)
	if r.Empty() {
		return img, from
	}
	small := boxShrink(img, r, k)
	f := 1 / float64(k)
	return small, Similarity{
		A: from.A * f, B: from.B * f,
		X: (from.X - float64(r.Min.X)) * f, Y: (from.Y - float64(r.Min.Y)) * f,
	}
}

// boxShrink is the part r of img with each k*k pixels as their mean; pixels that
// the edge cuts are means of what is there.
func boxShrink(img *image.RGBA, r image.Rectangle, k int) *image.RGBA {
	w, h := (r.Dx()+k-1)/k, (r.Dy()+k-1)/k
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	sums := make([]uint32, 3*w)
	for oy := range h {
		clear(sums)
		rows := min(k, r.Dy()-oy*k)
		for sy := range rows {
			at := img.PixOffset(r.Min.X, r.Min.Y+oy*k+sy)
			row := img.Pix[at : at+4*r.Dx()]
			for x := range r.Dx() {
				o := 3 * (x / k)
				sums[o] += uint32(row[4*x])
				sums[o+1] += uint32(row[4*x+1])
				sums[o+2] += uint32(row[4*x+2])
			}
		}
		for ox := range w {
			n := uint32(rows * min(k, r.Dx()-ox*k))
			o := out.Pix[oy*out.Stride+4*ox:]
			for c := range 3 {
				o[c] = uint8((sums[3*ox+c] + n/2) / n)
			}
			o[3] = 255
		}
	}
	return out
}

// bilinear is the colour at (x, y), counted from the middle of the first pixel.
func bilinear(img *image.RGBA, x, y float64) (r, g, b float32) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if !(x > -1 && y > -1 && x < float64(w) && y < float64(h)) {
		return 0, 0, 0
	}
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	add := func(px, py int, weight float32) {
		if px < 0 || py < 0 || px >= w || py >= h || weight == 0 {
			return
		}
		p := img.Pix[py*img.Stride+4*px:][:3:3]
		r += weight * float32(p[0])
		g += weight * float32(p[1])
		b += weight * float32(p[2])
	}
	add(x0, y0, (1-fx)*(1-fy))
	add(x0+1, y0, fx*(1-fy))
	add(x0, y0+1, (1-fx)*fy)
	add(x0+1, y0+1, fx*fy)
	return r, g, b
}

// Mirrored is p with left and right exchanged.
func (p *Patch) Mirrored() *Patch {
	out := &Patch{Width: p.Width, Height: p.Height, Pix: make([]float32, len(p.Pix))}
	for row := 0; row < len(p.Pix); row += p.Width {
		for x := range p.Width {
			out.Pix[row+x] = p.Pix[row+p.Width-1-x]
		}
	}
	return out
}

// Fill writes p into a network's input of three planes: (pixel - mean) / scale,
// planes in the order blue, green, red if bgr.
func (p *Patch) Fill(in []float32, bgr bool, mean, scale float32) {
	plane := p.Width * p.Height
	inverse := 1 / scale
	for c := range 3 {
		from := c
		if bgr {
			from = 2 - c
		}
		src, dst := p.Pix[from*plane:(from+1)*plane], in[c*plane:(c+1)*plane]
		for i, v := range src {
			dst[i] = (v - mean) * inverse
		}
	}
}

// FillWhole writes img, at most width*height pixels, into a network's input of
// that size as Fill does, its upper left corner on the input's; the rest is black.
func FillWhole(img *image.RGBA, width, height int, in []float32, bgr bool, mean, scale float32) {
	var of [256]float32
	inverse := 1 / scale
	for v := range of {
		of[v] = (float32(v) - mean) * inverse
	}
	plane := width * height
	first, third := in[:plane], in[2*plane:3*plane]
	if bgr {
		first, third = third, first
	}
	second := in[plane : 2*plane]
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range height {
		r, g, b := first[y*width:(y+1)*width], second[y*width:(y+1)*width], third[y*width:(y+1)*width]
		done := 0
		if y < h {
			pix := img.Pix[y*img.Stride:][:4*w]
			for done = range w {
				c := pix[4*done : 4*done+3 : 4*done+3]
				r[done], g[done], b[done] = of[c[0]], of[c[1]], of[c[2]]
			}
			done = w
		}
		for x := done; x < width; x++ {
			r[x], g[x], b[x] = of[0], of[0], of[0]
		}
	}
}

// Luma writes the gray image of p, ITU-R BT.601, 0..255.
func (p *Patch) Luma(out []float32) {
	plane := p.Width * p.Height
	for i := range plane {
		out[i] = 0.299*p.Pix[i] + 0.587*p.Pix[plane+i] + 0.114*p.Pix[2*plane+i]
	}
}

// Stretch is the way from a patch of width*height to the part r of an image, for
// Cut: the whole of r, at the larger of its two scales, around its middle.
func Stretch(r image.Rectangle, width, height int) Similarity {
	s := math.Max(float64(r.Dx())/float64(width), float64(r.Dy())/float64(height))
	cx, cy := float64(r.Min.X+r.Max.X)/2, float64(r.Min.Y+r.Max.Y)/2
	return Similarity{A: s, X: cx - s*float64(width)/2, Y: cy - s*float64(height)/2}
}

// Stretched is the part r of img as a patch of width*height, each direction by
// its own scale: some models were trained on faces squeezed so.
func Stretched(img *image.RGBA, r image.Rectangle, width, height int) *Patch {
	r = r.Intersect(img.Rect)
	p := &Patch{Width: width, Height: height, Pix: make([]float32, 3*width*height)}
	if r.Empty() {
		return p
	}
	k := max(1, min(r.Dx()/width, r.Dy()/height))
	part := boxShrink(img, r, k)
	sx, sy := float64(r.Dx())/float64(k)/float64(width), float64(r.Dy())/float64(k)/float64(height)
	plane := width * height
	for y := range height {
		for x := range width {
			i := y*width + x
			// Held inside, so that the edge is not mixed with black.
			ax := math.Max(0, math.Min((float64(x)+0.5)*sx-0.5, float64(part.Rect.Dx()-1)))
			ay := math.Max(0, math.Min((float64(y)+0.5)*sy-0.5, float64(part.Rect.Dy()-1)))
			p.Pix[i], p.Pix[plane+i], p.Pix[2*plane+i] = bilinear(part, ax, ay)
		}
	}
	return p
}
