package face

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"
)

// TestClearer: of an image of two dim halves with noise there are two clear
// halves left, also where it is a part of a larger one.
func TestClearer(t *testing.T) {
	random := noise(64, 48)
	img := image.NewRGBA(random.Rect)
	for y := range 48 {
		for x := range 64 {
			v := 40 + 30*(x/32) + int(random.RGBAAt(x, y).R)%21 - 10
			img.SetRGBA(x, y, color.RGBA{uint8(v), uint8(v), uint8(v), 255})
		}
	}
	large := image.NewRGBA(image.Rect(0, 0, 100, 100))
	draw.Draw(large, img.Rect, img, image.Point{}, draw.Src)
	part := large.SubImage(img.Rect).(*image.RGBA)
	for name, in := range map[string]*image.RGBA{"whole": img, "part": part} {
		out := clearer(in)
		spread := func(x0 int) (mean, deviation float64) {
			var sum, square float64
			for y := 4; y < 44; y++ {
				for x := x0; x < x0+24; x++ {
					v := float64(out.RGBAAt(x, y).G)
					sum, square = sum+v, square+v*v
				}
			}
			n := 40.0 * 24
			mean = sum / n
			return mean, math.Sqrt(square/n - mean*mean)
		}
		dark, darkNoise := spread(4)
		light, lightNoise := spread(36)
		// Before: 30 apart with a deviation of 6.
		if apart := light - dark; apart < 120 || apart/math.Max(darkNoise, lightNoise) < 10 {
			t.Errorf("%s: %.0f and %.0f, deviations %.1f and %.1f", name, dark, light, darkNoise, lightNoise)
		}
	}
	if out := clearer(image.NewRGBA(image.Rect(0, 0, 5, 5))); out.Pix[0] != 0 {
		t.Error("an empty image shows something")
	}
}
