package near

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/enrold/enrold/match/simd"
)

// TestKernels compares every level with portable Go, bit for bit: places on the
// bound, NaN and empty lines included.
func TestKernels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	portable := Of(simd.Generic)
	line := func(n, below int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(rng.IntN(below))
		}
		return out
	}
	unit := func() (cosines, sines float32) {
		sin, cos := math.Sincos(rng.Float64() * 2 * math.Pi)
		return float32(cos), float32(sin)
	}
	for range 2000 {
		var p Places
		for k := range p[:4] {
			copy(p[k][:], line(Room, 60))
		}
		for i := range Room {
			p[4][i], p[5][i] = unit()
			p[6][i], p[7][i] = unit()
		}
		from := rng.IntN(Room)
		to := from + rng.IntN(Room-from+1)
		reach, share := float32(rng.IntN(200)), rng.Float32()

		var rows Rows
		n := rng.IntN(MaxRows)
		copy(rows[0][:], line(n, 60))
		copy(rows[1][:], line(n, 60))
		for i := range n {
			rows[2][i] = float32(rng.IntN(30) * rng.IntN(30))
			rows[3][i], rows[4][i] = unit()
		}
		size := 8 * rng.IntN(16)
		c := Columns{X: line(size, 60), Y: line(size, 60), Cos: make([]float32, size), Sin: make([]float32, size)}
		for j := range size {
			c.Cos[j], c.Sin[j] = unit()
			if rng.IntN(8) == 0 {
				c.X[j] = float32(math.NaN())
			}
		}
		words, least := (size+63)/64, rng.Float32()

		pulls := make([]Pull, rng.IntN(20))
		for k := range pulls {
			pulls[k] = Pull{float32(rng.IntN(60)), float32(rng.IntN(60)), rng.Float32() - 0.5, rng.Float32() - 0.5, rng.Float32(), int32(rng.IntN(20) - 1)}
		}
		xs, ys := line(size, 60), line(size, 60)

		run := func(k Kernels) (related [Room]uint64, masks []uint64, dxs, dys []float32) {
			k.Related(&related, &p, from, to, reach, share)
			for x := range related {
				related[x] &= 1<<x - 1
			}
			masks = slices.Repeat([]uint64{math.MaxUint64}, MaxRows*2)
			k.Together(masks, words, &rows, n, &c, least)
			dxs, dys = make([]float32, size), make([]float32, size)
			k.Pull(dxs, dys, xs, ys, pulls, 0.01)
			return related, masks, dxs, dys
		}
		wantRelated, wantMasks, wantX, wantY := run(portable)
		for _, level := range simd.Supported() {
			related, masks, dxs, dys := run(Of(level))
			if related != wantRelated {
				t.Fatalf("%v: related %x, want %x", level, related, wantRelated)
			}
			if !slices.Equal(masks, wantMasks) {
				t.Fatalf("%v: together %x, want %x", level, masks, wantMasks)
			}
			if !slices.Equal(dxs, wantX) || !slices.Equal(dys, wantY) {
				t.Fatalf("%v: pulled by %v %v, want %v %v", level, dxs, dys, wantX, wantY)
			}
		}
	}
}

// TestPull: a point moves as the pull beside it says, half as far as it since
// lying still weighs as much, and not by its own.
func TestPull(t *testing.T) {
	for _, level := range simd.Supported() {
		xs, ys := make([]float32, 8), make([]float32, 8)
		dxs, dys := make([]float32, 8), make([]float32, 8)
		Of(level).Pull(dxs, dys, xs, ys, []Pull{{DX: 4, DY: -2, Weight: 1, Of: 3}}, 1)
		for i := range xs {
			want := [2]float32{2, -1}
			if i == 3 {
				want = [2]float32{}
			}
			if got := [2]float32{dxs[i], dys[i]}; got != want {
				t.Errorf("%v: point %d moves by %v, want %v", level, i, got, want)
			}
		}
	}
}
