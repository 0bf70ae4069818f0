package ridge

import (
	"bytes"
	"math"
	"sync"
	"testing"
)

func TestDeterministic(t *testing.T) {
	a, b := Grow(5), Grow(5)
	if !bytes.Equal(a.Impression(3, WindowZFM).Pixels, b.Impression(3, WindowZFM).Pixels) {
		t.Error("the same seed and impression give different pixels")
	}
	if bytes.Equal(a.Impression(3, WindowZFM).Pixels, a.Impression(4, WindowZFM).Pixels) {
		t.Error("two impressions are the same")
	}
	if bytes.Equal(a.Impression(0, WindowZFM).Pixels, Grow(6).Impression(0, WindowZFM).Pixels) {
		t.Error("two fingers are the same")
	}
}

func TestConcurrentImpressions(t *testing.T) {
	f := Grow(8)
	want := f.Impression(1, WindowR503).Pixels
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if !bytes.Equal(f.Impression(1, WindowR503).Pixels, want) {
				t.Error("an impression differs when made beside others")
			}
		})
	}
	wg.Wait()
}

// TestWindows: a finger fits any sensor, and prints as ridges on white.
func TestWindows(t *testing.T) {
	f := Grow(9)
	for _, w := range []Window{{192, 192}, {256, 288}, {388, 374}, {800, 750}, {1, 1}} {
		p := f.Impression(0, w)
		if p.Width != w.Width || p.Height != w.Height || p.DPI != DPI || len(p.Pixels) != w.Width*w.Height {
			t.Fatalf("window %v gives %dx%d at %d dpi, %d bytes", w, p.Width, p.Height, p.DPI, len(p.Pixels))
		}
		if w.Width < 100 {
			continue
		}
		dark, light := 0, 0
		for y := w.Height/2 - 40; y < w.Height/2+40; y++ {
			for _, v := range p.Pixels[y*w.Width+w.Width/2-40:][:80] {
				if v < 110 {
					dark++
				} else if v > 180 {
					light++
				}
			}
		}
		if dark < 80*80/5 || light < 80*80/5 {
			t.Errorf("window %v: of 6400 pixels in the middle %d are dark and %d light", w, dark, light)
		}
	}
	if corner := f.Impression(0, Window{800, 750}).Pixels[0]; corner < 200 {
		t.Errorf("the corner of a large window is %d, want white", corner)
	}
}

// TestRidgesAlternate: the distance between ridges over the middle of the
// master print is that of adults' skin, 7 to 12 pixels at 500 dpi.
func TestRidgesAlternate(t *testing.T) {
	for seed := range uint64(4) {
		f := Grow(50 + seed)
		// Crossings of the grey level along a direction at angle t are
		// 2/period * |sin| dense: the densest of many directions is the period's.
		most := 0
		for k := range 24 {
			sin, cos := math.Sincos(math.Pi * float64(k) / 24)
			n := 0
			// Above the core the ridges lie flat in every class.
			prev := f.at(f.center.x-30*cos, f.center.y-90-30*sin)
			for d := -29.5; d <= 30; d += 0.5 {
				v := f.at(f.center.x+d*cos, f.center.y-90+d*sin)
				if (v > 0) != (prev > 0) {
					n++
				}
				prev = v
			}
			most = max(most, n)
		}
		if period := 2 * 60.0 / float64(most); period < 6.5 || period > 12.5 {
			t.Errorf("seed %d (%v): ridge period %.1f pixels", 50+seed, f.Class, period)
		}
	}
}

// TestClasses: classes come with their natural frequencies.
func TestClasses(t *testing.T) {
	var count [Whorl + 1]float64
	const n = 4000
	for seed := range uint64(n) {
		count[drawClass(random(seed, streamGrow))] += 100.0 / n
	}
	for c, want := range [...]float64{3.7, 2.9, 33.8, 31.7, 27.9} {
		if math.Abs(count[c]-want) > 2.5 {
			t.Errorf("%v: %.1f %%, want about %.1f %%", Class(c), count[c], want)
		}
	}
}

func BenchmarkGrow(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		Grow(uint64(i))
	}
}

func BenchmarkImpression(b *testing.B) {
	f := Grow(1)
	for i := 0; b.Loop(); i++ {
		f.Impression(i, WindowZFM)
	}
}
