package near

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/enrold/enrold/match/simd"
)

// TestKernels compares every level's masks with portable Go's, places on the
// bound and NaN included.
func TestKernels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	portable := Of(simd.Generic)
	for range 2000 {
		var p Places
		for k := range p {
			for i := range p[k] {
				p[k][i] = float32(rng.IntN(60))
			}
		}
		turned, other := rng.Float64()*2*math.Pi, rng.Float64()*2*math.Pi
		v := View{
			At:   [4]float32{float32(rng.IntN(60)), float32(rng.IntN(60)), float32(rng.IntN(60)), float32(rng.IntN(60))},
			CosA: cos(turned), SinA: sin(turned), CosB: cos(other), SinB: sin(other),
			Reach: float32(rng.IntN(200)), Share: rng.Float32(),
		}
		xs, ys := p[0][:16], p[1][:16]
		xs[rng.IntN(16)] = float32(math.NaN())
		limit := float32(rng.IntN(30) * rng.IntN(30))
		for _, level := range simd.Supported() {
			k := Of(level)
			var got, want [Room / 8]uint8
			k.Related(&got[0], &p, &v, len(got))
			portable.Related(&want[0], &p, &v, len(want))
			if got != want {
				t.Fatalf("%v: related %x, want %x", level, got, want)
			}
			got, want = [Room / 8]uint8{}, [Room / 8]uint8{}
			k.Within(&got[0], &xs[0], &ys[0], 2, v.At[0], v.At[1], limit)
			portable.Within(&want[0], &xs[0], &ys[0], 2, v.At[0], v.At[1], limit)
			if got != want {
				t.Fatalf("%v: within %x, want %x", level, got, want)
			}
		}
	}
}

func sin(a float64) float32 { return float32(math.Sin(a)) }
func cos(a float64) float32 { return float32(math.Cos(a)) }
