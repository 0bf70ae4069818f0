package dlib

import (
	"image"
	"math"
)

// resample returns the part r of img scaled by at most 1, each pixel the mean of
// the area that it covers, so that nothing aliases.
func resample(img *image.RGBA, r image.Rectangle, scale float64) *image.RGBA {
	w := max(1, int(math.Round(float64(r.Dx())*scale)))
	h := max(1, int(math.Round(float64(r.Dy())*scale)))
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if w == r.Dx() && h == r.Dy() {
		for y := range h {
			at := img.PixOffset(r.Min.X, r.Min.Y+y)
			copy(out.Pix[y*out.Stride:y*out.Stride+4*w], img.Pix[at:at+4*w])
		}
		return out
	}
	// Columns first into sums of a row band, then rows: every source pixel is
	// read once. Weights are the covered shares of whole pixels.
	sum := make([]float32, 3*w)
	xs := spans(r.Dx(), w)
	ys := spans(r.Dy(), h)
	for oy, sy := range ys {
		clear(sum)
		for y := sy.from; y < sy.to; y++ {
			wy := sy.weight(y)
			row := img.Pix[img.PixOffset(r.Min.X, r.Min.Y+y):]
			for ox, sx := range xs {
				var cr, cg, cb float32
				for x := sx.from; x < sx.to; x++ {
					wx := sx.weight(x)
					p := row[4*x : 4*x+3 : 4*x+3]
					cr, cg, cb = cr+wx*float32(p[0]), cg+wx*float32(p[1]), cb+wx*float32(p[2])
				}
				sum[3*ox] += wy * cr
				sum[3*ox+1] += wy * cg
				sum[3*ox+2] += wy * cb
			}
		}
		line := out.Pix[oy*out.Stride:]
		for ox := range xs {
			for c := range 3 {
				line[4*ox+c] = uint8(min(255, sum[3*ox+c]+0.5))
			}
			line[4*ox+3] = 255
		}
	}
	return out
}

// span is the stretch of source pixels under one output pixel; first, middle and
// last are the weights of its pixels and sum to one.
type span struct {
	from, to            int
	first, middle, last float32
}

func (s span) weight(i int) float32 {
	switch i {
	case s.from:
		return s.first
	case s.to - 1:
		return s.last
	}
	return s.middle
}

func spans(source, out int) []span {
	step := float64(source) / float64(out)
	all := make([]span, out)
	for i := range all {
		a, b := float64(i)*step, math.Min(float64(i+1)*step, float64(source))
		from, to := int(a), int(math.Ceil(b-1e-9))
		s := span{from: from, to: max(from+1, min(to, source)), middle: float32(1 / step)}
		s.first = float32((float64(from+1) - a) / step)
		s.last = float32((b - float64(s.to-1)) / step)
		if s.to == s.from+1 {
			s.first, s.last = 1, 1
		}
		all[i] = s
	}
	return all
}

// luma is the gray image of img, ITU-R BT.601, one byte a pixel.
func luma(img *image.RGBA) []byte {
	n := img.Rect.Dx() * img.Rect.Dy()
	out := make([]byte, n)
	for i := range out {
		p := img.Pix[4*i : 4*i+3 : 4*i+3]
		out[i] = uint8((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
	}
	return out
}
