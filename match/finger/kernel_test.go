package finger

import (
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/match/simd"
)

// levels calls check with every kernel of this processor that is not portable.
func levels(t *testing.T, check func(t *testing.T, k *kernel)) {
	for _, level := range simd.Supported() {
		t.Run(level.String(), func(t *testing.T) { check(t, kernels(level)) })
	}
}

// equalBits fails unless both hold the same bits, or templates would depend on
// the machine.
func equalBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s, value %d: %v, portable %v", what, i, got[i], want[i])
		}
	}
}

// TestFilters runs every filter over single cells and pairs.
func TestFilters(t *testing.T) {
	from := noisyPlane(64, 48)
	bank := filters()
	for _, lines := range []*[filterWidths][filterAngles]line{&bank.along, &bank.across} {
		var b tapBank
		b.lay(lines, from.stride)
		var runs []run
		for w := range lines {
			for a := range lines[w] {
				at := from.index(4*(a%15), 4*(w%12))
				runs = append(runs, run{int32(at), int16(w*filterAngles + a), int16(1 + a%2)})
			}
		}
		levels(t, func(t *testing.T, k *kernel) {
			for i := range runs {
				var fast, plain plane
				fast.reset(64, 48)
				plain.reset(64, 48)
				k.filter(fast.v, from.v, from.stride, runs[i:i+1], &b)
				filterGo(plain.v, from.v, from.stride, runs[i:i+1], &b)
				equalBits(t, "filter", fast.v, plain.v)
			}
		})
	}
}

func TestKernels(t *testing.T) {
	p, q := noisyPlane(160, 64), noisyPlane(160, 64)
	rng := rand.New(rand.NewPCG(9, 10))
	for i := range q.v {
		q.v[i] += rng.Float32()
		if rng.IntN(9) == 0 {
			q.v[i] = 0
		}
	}
	bytes := make([]byte, 1<<12)
	for i := range bytes {
		bytes[i] = byte(rng.Uint32())
	}
	at := p.index(0, 0)
	levels(t, func(t *testing.T, k *kernel) {
		for n := range 40 {
			got, want := make([]float32, n), make([]float32, n)
			k.binomial3(got, p.v[at:], p.v[at+1:], p.v[at+2:])
			binomial3Go(want, p.v[at:], p.v[at+1:], p.v[at+2:])
			equalBits(t, "binomial3", got, want)
			k.binomial5(got, p.v[at:], p.v[at+1:], p.v[at+2:], q.v[at:], q.v[at+9:])
			binomial5Go(want, p.v[at:], p.v[at+1:], p.v[at+2:], q.v[at:], q.v[at+9:])
			equalBits(t, "binomial5", got, want)
			k.normalise(got, bytes[n:], p.v[at:], q.v[at:])
			normaliseGo(want, bytes[n:], p.v[at:], q.v[at:])
			equalBits(t, "normalise", got, want)
			angles, wanted := make([]int32, n), make([]int32, n)
			k.directions(angles, p.v[at:], p.v[at+7:], q.v[at:], q.v[at+2:], 0.25)
			directionsGo(wanted, p.v[at:], p.v[at+7:], q.v[at:], q.v[at+2:], 0.25)
			for i := range angles {
				if angles[i] != wanted[i] || angles[i] < 0 || angles[i] >= filterAngles {
					t.Fatalf("directions %v, portable %v", angles, wanted)
				}
			}
		}
		for blocks := range 20 {
			for rows := 1; rows <= blockSide; rows++ {
				sums := func(k *kernel) []float32 {
					v := make([]float32, 6*blocks)
					chosen := make([]bool, blocks)
					for i := range chosen {
						chosen[i] = i%3 != rows%3
					}
					part := func(i int) []float32 { return v[i*blocks:][:blocks] }
					k.gradients(part(0), part(1), part(2), chosen, p.v[at:], p.stride, rows)
					k.products(part(3), part(4), part(5), p.v[at:], q.v[at:], p.stride)
					return v
				}
				equalBits(t, "gradients and products", sums(k), sums(&portable))
				var whole [2][2][20]int32
				for i, k := range []*kernel{k, &portable} {
					k.contrasts(whole[i][0][:blocks], whole[i][1][:blocks], bytes, 171, rows)
				}
				if whole[0] != whole[1] {
					t.Fatalf("contrasts %v, portable %v", whole[0], whole[1])
				}
			}
		}
		var signs [2][3]uint64
		k.signs(signs[0][:], q.v[at:])
		signsGo(signs[1][:], q.v[at:])
		if signs[0] != signs[1] {
			t.Fatalf("signs %x, portable %x", signs[0], signs[1])
		}
		for range 200 {
			var a, b signature
			sin, cos := math.Sincos(rng.Float64() * 7)
			x, y := float32(rng.IntN(p.w)), float32(rng.IntN(p.h))
			k.profile(&a, p, x, y, float32(sin), float32(cos))
			profileGo(&b, p, x, y, float32(sin), float32(cos))
			equalBits(t, "profile", a[:], b[:])
			var r, s [lags]float32
			k.correlate(&r, &a)
			correlateGo(&s, &a)
			equalBits(t, "correlate", r[:], s[:])
		}
	})
}

// TestLevels: every level makes the same templates of whole images, whose
// sides leave parts of blocks and words over.
func TestLevels(t *testing.T) {
	for _, w := range []ridge.Window{{Width: 256, Height: 288}, {Width: 203, Height: 317}, {Width: 388, Height: 151}} {
		img := Image(*ridge.Grow(77).Impression(0, w))
		hash := func(k *kernel) [32]byte {
			var e Extractor
			e.field.kernel = k
			tpl, q, err := e.Extract(img)
			if err != nil || len(tpl.Minutiae) == 0 {
				t.Fatalf("%d minutiae, error %v", len(tpl.Minutiae), err)
			}
			h := sha256.New()
			hashTemplate(h, tpl, q)
			return [32]byte(h.Sum(nil))
		}
		want := hash(&portable)
		levels(t, func(t *testing.T, k *kernel) {
			if hash(k) != want {
				t.Errorf("%dx%d: another template than the portable one", w.Width, w.Height)
			}
		})
	}
}
