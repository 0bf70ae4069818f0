package finger

import (
	"math"
	"math/rand/v2"
	"testing"
)

func noisyPlane(w, h int) *plane {
	rng := rand.New(rand.NewPCG(5, 6))
	p := new(plane)
	p.reset(w, h)
	for y := range h {
		for x := range w {
			p.v[p.index(x, y)] = rng.Float32()*5 - 2.5
		}
	}
	return p
}

// TestFilterGain: a wave of the filter's own period and direction passes with
// its height, its opposite sign where it is dark; a grey level does not pass.
func TestFilterGain(t *testing.T) {
	bank := filters()
	for w := range filterWidths {
		period := minPeriod * math.Pow(maxPeriod/minPeriod, float64(w)/(filterWidths-1))
		for a := range filterAngles {
			sin, cos := math.Sincos(math.Pi * float64(a) / filterAngles)
			l := &bank.across[w][a]
			var wave, level float64
			for k, weight := range l.weights {
				u := float64(l.dx[k])*sin + float64(l.dy[k])*cos
				wave -= float64(weight) * math.Cos(2*math.Pi*u/period)
				level += float64(weight)
			}
			if math.Abs(wave-1) > 1e-4 || math.Abs(level) > 1e-4 {
				t.Errorf("period %.1f angle %d: wave %.4f level %.4f, want 1 and 0", period, a, wave, level)
			}
			if len(l.dx) > 2*margin {
				t.Errorf("period %.1f: %d taps", period, len(l.dx))
			}
		}
	}
}

func TestTurns(t *testing.T) {
	for k := range 1000 {
		want := float64(k) / 1000
		sin, cos := math.Sincos(2 * math.Pi * want)
		if got := float64(turns(float32(3*sin), float32(3*cos))); math.Abs(math.Remainder(got-want, 1)) > 0.001 {
			t.Fatalf("%.3f of a turn: %.4f", want, got)
		}
	}
}

// TestOrientation and period of a plain wave.
func TestFieldOfWave(t *testing.T) {
	for _, c := range []struct{ angle, period float64 }{{0, 9}, {0.6, 7}, {math.Pi / 2, 11}, {2.5, 9}, {3.1, 13}} {
		sin, cos := math.Sincos(c.angle)
		img := flat(200, 200, 0)
		for i := range img.Pixels {
			x, y := float64(i%200), float64(i/200)
			img.Pixels[i] = byte(128 + 100*math.Cos(2*math.Pi*(x*sin+y*cos)/c.period))
		}
		var e Extractor
		if _, _, err := e.Extract(img); err != nil {
			t.Fatal(err)
		}
		off := math.Abs(math.Remainder(e.field.orientation(100, 100)-c.angle, math.Pi))
		if period := float64(e.field.period[12*e.field.w+12]); off > 0.03 || math.Abs(period-c.period) > 0.3 {
			t.Errorf("angle %.2f period %.1f: off by %.3f, period %.2f", c.angle, c.period, off, period)
		}
	}
}
