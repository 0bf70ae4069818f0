package face

import (
	"image"
	"image/draw"
)

// Shares of the pixels that become black and white in a clearer copy.
const (
	blackShare = 0.01
	whiteShare = 0.99
)

// clearer is a copy of img for a detector that found nobody: pixels averaged
// with their neighbours by binomial weights (1 4 6 4 1 in both directions), which
// takes most of a sensor's noise, and shades stretched, which undoes bad light.
// It is for finding only; a recogniser knows noise and loses more by smoothing.
func clearer(img *image.RGBA) *image.RGBA {
	if img.Stride != 4*img.Rect.Dx() { // a part of a larger one
		whole := image.NewRGBA(img.Rect)
		draw.Draw(whole, whole.Rect, img, img.Rect.Min, draw.Src)
		img = whole
	}
	across := binomial(img, 4, img.Rect.Dx(), img.Stride, img.Rect.Dy())
	out := binomial(across, across.Stride, img.Rect.Dy(), 4, img.Rect.Dx())
	var count [256]int
	for i := 0; i < len(out.Pix); i += 4 {
		count[(299*int(out.Pix[i])+587*int(out.Pix[i+1])+114*int(out.Pix[i+2]))/1000]++
	}
	low, high := percentile(&count, blackShare), percentile(&count, whiteShare)
	if high <= low {
		return out
	}
	var shade [256]uint8
	for v := range shade {
		shade[v] = uint8(min(255, max(0, (v-low)*255/(high-low))))
	}
	for i := range out.Pix {
		if i%4 != 3 {
			out.Pix[i] = shade[out.Pix[i]]
		}
	}
	return out
}

// binomial smooths along one direction: lines of n pixels that are step bytes
// apart; the next line begins next bytes on.
func binomial(img *image.RGBA, step, n, next, lines int) *image.RGBA {
	out := image.NewRGBA(img.Rect)
	for line := range lines {
		for c := range 3 {
			at := func(i int) int { return line*next + step*min(max(i, 0), n-1) + c }
			for i := range n {
				p := img.Pix
				sum := int(p[at(i-2)]) + int(p[at(i+2)]) + 4*(int(p[at(i-1)])+int(p[at(i+1)])) + 6*int(p[at(i)])
				out.Pix[at(i)] = uint8((sum + 8) / 16)
			}
		}
	}
	return out
}

// percentile is the value below which the share of all lies.
func percentile(count *[256]int, share float64) int {
	total := 0
	for _, n := range count {
		total += n
	}
	sum := 0
	for v, n := range count {
		if sum += n; float64(sum) > share*float64(total) {
			return v
		}
	}
	return 255
}
