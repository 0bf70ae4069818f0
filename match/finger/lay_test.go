package finger

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestShearedWindow compares the window made of pieces of rows with the one
// gathered sample by sample: but for the corners of large turns they agree.
func TestShearedWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 5))
	r := &Ridges{Columns: 12, Rows: 12, Tiles: make([]uint64, 144), Finger: make([]bool, 144)}
	// Ridges 9 pixels apart, in a slant, as prints have: noise would not do.
	for i := range r.Tiles {
		for k := range 64 {
			x, y := float64(i%12*tileSamples+k%8), float64(i/12*tileSamples+k/8)
			if math.Sin((x*0.8+y*0.6)*2*math.Pi/4.5) > 0 {
				r.Tiles[i] |= 1 << k
			}
		}
	}
	b := newSamples(r)
	for _, sin := range []float32{0, 0.02, -0.1, 0.2, -0.24} {
		cos := float32(math.Sqrt(float64(1 - sin*sin)))
		var w window
		w.turn(sin, cos)
		if !w.shear {
			t.Fatalf("sine %v is not made of shears", sin)
		}
		differ := 0
		const trials = 200
		for range trials {
			x, y := 20+50*rng.Float32(), 20+50*rng.Float32()
			w.read(b, x, y)
			sheared := w.rows
			w.gather(b, x, y)
			for k := range w.rows {
				for d := sheared[k] ^ w.rows[k]; d != 0; d &= d - 1 {
					differ++
				}
			}
		}
		if share := float64(differ) / (trials * windowSide * windowSide); share > 0.06 {
			t.Errorf("sine %v: %.3f of the samples differ", sin, share)
		} else {
			t.Logf("sine %v: %.3f of the samples differ", sin, share)
		}
	}
}
