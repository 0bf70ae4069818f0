package face

import (
	"encoding/binary"
	"image"
	"math"
)

// Samples are integers: a place in 24 bits of fraction, of which the weights of
// the four pixels around it take eight. That is far finer than the points that
// faces are aligned by, and four times as fast as numbers with a point.
const (
	placeBits  = 24
	weightBits = 8
	one        = 1 << weightBits
	full       = 1 << (2 * weightBits) // what a sample is scaled by
	channels   = 0x00ff00ff00ff00ff    // every other one of two pixels' channels
)

// line is a row of places in an image, counted from the middle of its first
// pixel: (x, y), (x+dx, y+dy), …
type line struct{ x, y, dx, dy float64 }

// rowOf is the line through the middles of a patch's row, of samples that lie at
// (sx, sy) within each pixel; from right to left if mirrored.
func rowOf(from Similarity, width, row int, sx, sy float64, mirrored bool) line {
	x, step := sx, 1.0
	if mirrored {
		x, step = float64(width)-sx, -1
	}
	at := from.Apply(Point{x, float64(row) + sy})
	return line{at.X - 0.5, at.Y - 0.5, step * from.A, step * from.B}
}

// addTo adds to sums, red, green and blue of each place, the bilinear colours
// times full. Beyond the image's edge there is black.
func (l line) addTo(sums []uint32, img *image.RGBA) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	n := len(sums) / 3
	touched := l.inside(span{0, n}, -1, float64(w), -1, float64(h))
	whole := l.inside(touched, 0, float64(w-1), 0, float64(h-1))
	l.slow(sums, img, span{touched.from, whole.from})
	l.fast(sums, img, whole)
	l.slow(sums, img, span{whole.to, touched.to})
}

// span is the places from, from+1, … to-1 of a line.
type span struct{ from, to int }

// inside is the part of s that lies between the limits: at least low, less than high.
func (l line) inside(s span, lowX, highX, lowY, highY float64) span {
	s = along(s, l.x, l.dx, lowX, highX)
	s = along(s, l.y, l.dy, lowY, highY)
	in := func(i int) bool {
		x, y := fixed(l.x)+int64(i)*fixed(l.dx), fixed(l.y)+int64(i)*fixed(l.dy)
		return x >= fixed(lowX) && x < fixed(highX) && y >= fixed(lowY) && y < fixed(highY)
	}
	for s.from < s.to && !in(s.from) { // what rounding moved over the edge
		s.from++
	}
	for s.from < s.to && !in(s.to-1) {
		s.to--
	}
	return span{s.from, max(s.from, s.to)}
}

// along is the part of s where at + i·step lies between low and high, or a place
// more at each end.
func along(s span, at, step, low, high float64) span {
	if step == 0 {
		if at >= low && at < high {
			return s
		}
		return span{s.from, s.from}
	}
	a, b := (low-at)/step, (high-at)/step
	if step < 0 {
		a, b = b, a
	}
	from := math.Max(float64(s.from), math.Floor(a))
	to := math.Min(float64(s.to), math.Ceil(b)+1)
	if !(from < to) {
		return span{s.from, s.from}
	}
	return span{int(from), int(to)}
}

// fixed is v with placeBits of fraction, held where sums with it cannot overflow.
func fixed(v float64) int64 {
	const most = 1 << 36
	return int64(math.Round(math.Max(-most, math.Min(most, v)) * (1 << placeBits)))
}

// fast adds places whose four pixels all lie in the image.
func (l line) fast(sums []uint32, img *image.RGBA, s span) {
	dx, dy := fixed(l.dx), fixed(l.dy)
	x, y := fixed(l.x)+int64(s.from)*dx, fixed(l.y)+int64(s.from)*dy
	const toWeight = placeBits - weightBits
	for i := s.from; i < s.to; i++ {
		at := int(y>>placeBits)*img.Stride + 4*int(x>>placeBits)
		upper := binary.LittleEndian.Uint64(img.Pix[at:])
		lower := binary.LittleEndian.Uint64(img.Pix[at+img.Stride:])
		wx, wy := uint32(x>>toWeight)&(one-1), uint64(y>>toWeight)&(one-1)
		// Four products of eight by eight bits in one: red, blue of the left pixel and
		// of the right one; then green.
		rb := upper&channels*(one-wy) + lower&channels*wy
		g := upper>>8&channels*(one-wy) + lower>>8&channels*wy
		sum := sums[3*i : 3*i+3 : 3*i+3]
		sum[0] += uint32(rb&0xffff)*(one-wx) + uint32(rb>>32&0xffff)*wx
		sum[1] += uint32(g&0xffff)*(one-wx) + uint32(g>>32&0xffff)*wx
		sum[2] += uint32(rb>>16&0xffff)*(one-wx) + uint32(rb>>48)*wx
		x, y = x+dx, y+dy
	}
}

// slow adds places at the image's edge.
func (l line) slow(sums []uint32, img *image.RGBA, s span) {
	for i := s.from; i < s.to; i++ {
		r, g, b := bilinear(img, l.x+float64(i)*l.dx, l.y+float64(i)*l.dy)
		sums[3*i] += uint32(r*full + 0.5)
		sums[3*i+1] += uint32(g*full + 0.5)
		sums[3*i+2] += uint32(b*full + 0.5)
	}
}
