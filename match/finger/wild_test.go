package finger

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAnyPixels feeds images that no finger makes: noise, stripes, rings and
// repeated bytes of every size and resolution. FuzzExtract searches further,
// but its instrumented filters are slow.
func TestAnyPixels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		img := Image{Width: 150 + rng.IntN(200), Height: 150 + rng.IntN(200), DPI: 300 + rng.IntN(700)}
		img.Pixels = make([]byte, img.Width*img.Height)
		period, phase := 1+9*rng.Float64(), rng.Float64()*math.Pi
		for i := range img.Pixels {
			x, y := float64(i%img.Width), float64(i/img.Width)
			switch n % 4 {
			case 0:
				img.Pixels[i] = byte(rng.Uint32())
			case 1:
				img.Pixels[i] = byte(127 + 127*math.Sin((x*math.Cos(phase)+y*math.Sin(phase))/period))
			case 2:
				img.Pixels[i] = byte(127 + 127*math.Sin(math.Hypot(x-90, y-90)/period))
			case 3:
				img.Pixels[i] = byte(i * int(period*20))
			}
		}
		tpl, q, err := Extract(img)
		if err != nil {
			t.Fatalf("image %d: %v", n, err)
		}
		checkBounds(t, tpl, q)
	}
}

func checkBounds(t *testing.T, tpl *Template, q Quality) {
	t.Helper()
	if q.Score < 0 || q.Score > 100 || len(tpl.Minutiae) > MaxMinutiae {
		t.Fatalf("quality %d, %d minutiae", q.Score, len(tpl.Minutiae))
	}
	for _, m := range tpl.Minutiae {
		if m.X < 0 || m.Y < 0 || m.X >= tpl.Width || m.Y >= tpl.Height || m.Quality < 1 || m.Quality > 100 || (m.Kind != Ending && m.Kind != Bifurcation) {
			t.Fatalf("minutia out of bounds: %+v in %dx%d", m, tpl.Width, tpl.Height)
		}
	}
	if s := Compare(tpl, tpl); math.IsNaN(s) || s < 0 {
		t.Fatalf("score %v", s)
	}
}
