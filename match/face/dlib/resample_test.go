package dlib

import (
	"image"
	"image/color"
	"math"
	"testing"
)

// TestResample: a constant stays constant, the mean is kept, and the part asked
// for is the part taken.
func TestResample(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 101, 67))
	for y := range 67 {
		for x := range 101 {
			img.SetRGBA(x, y, color.RGBA{uint8(2 * x), uint8(3 * y), 90, 255})
		}
	}
	for _, scale := range []float64{1, 0.99, 0.73, 0.5, 0.31, 0.1, 0.001} {
		out := resample(img, img.Rect, scale)
		var r, g float64
		n := len(out.Pix) / 4
		for i := range n {
			p := out.Pix[4*i : 4*i+4]
			if p[2] < 89 || p[2] > 91 || p[3] != 255 {
				t.Fatalf("scale %v: the constant became %v", scale, p)
			}
			r, g = r+float64(p[0]), g+float64(p[1])
		}
		if r, g = r/float64(n), g/float64(n); math.Abs(r-100) > 1.5 || math.Abs(g-99) > 1.5 {
			t.Errorf("scale %v: means %.1f %.1f, want 100 99", scale, r, g)
		}
	}
	part := resample(img, image.Rect(50, 20, 60, 40), 0.5)
	if part.Rect != image.Rect(0, 0, 5, 10) {
		t.Errorf("part is %v", part.Rect)
	}
	if p := part.RGBAAt(0, 0); p != (color.RGBA{101, 62, 90, 255}) { // mean of 100, 102 and of 60, 63
		t.Errorf("corner of the part is %v", p)
	}
}
