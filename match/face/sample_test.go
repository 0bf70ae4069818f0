package face

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// noise is an image of random pixels.
func noise(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	random := rand.New(rand.NewPCG(3, 4))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32())
	}
	return img
}

// TestLineIsBilinear: every line through an image, its edge and beyond has the
// colours of the plain formula, to the accuracy of the weights.
func TestLineIsBilinear(t *testing.T) {
	img := noise(60, 45)
	random := rand.New(rand.NewPCG(5, 6))
	sums := make([]uint32, 3*90)
	for range 2000 {
		l := line{random.Float64()*100 - 20, random.Float64()*80 - 20, random.Float64()*4 - 2, random.Float64()*4 - 2}
		switch random.IntN(4) {
		case 0:
			l.dx = 0
		case 1:
			l.dy = 0
		}
		clear(sums)
		l.addTo(sums, img)
		for i := range len(sums) / 3 {
			x, y := l.x+float64(i)*l.dx, l.y+float64(i)*l.dy
			r, g, b := bilinear(img, x, y)
			for c, want := range []float32{r, g, b} {
				if got := float64(sums[3*i+c]) / full; math.Abs(got-float64(want)) > 2.5 {
					t.Fatalf("colour %d at (%g, %g) is %g, want %g", c, x, y, got, want)
				}
			}
		}
	}
}

func TestFarLines(t *testing.T) {
	img := noise(10, 10)
	sums := make([]uint32, 30)
	for _, l := range []line{{1e300, 0, 1, 0}, {-1e12, 5, 1e11, 0}, {0, 5, 1e308, -1e308}, {5, 5, math.SmallestNonzeroFloat64, 0}} {
		l.addTo(sums, img)
	}
}

func BenchmarkCut(b *testing.B) {
	img := noise(480, 640)
	for _, c := range []struct {
		name string
		way  Similarity
	}{{"own size", Similarity{A: 1, X: 100, Y: 100}}, {"turned", Similarity{A: 0.9, B: 0.1, X: 100, Y: 100}}, {"shrunk", Similarity{A: 2.4, B: 0.2, X: 60, Y: 100}}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				Cut(img, c.way, 128, 128)
			}
		})
	}
}
