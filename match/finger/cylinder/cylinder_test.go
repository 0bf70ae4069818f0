package cylinder

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/enrold/enrold/match/simd"
)

// random makes a set of n cylinders; some have no bit, some directions repeat.
func random(rng *rand.Rand, words, n int) (bitVectors []uint64, directions []uint8, s *Set) {
	spread := 1 + rng.IntN(256)
	for range n {
		density := rng.IntN(4)
		for range words {
			w := rng.Uint64()
			for range density {
				w &= rng.Uint64()
			}
			if density == 3 && rng.IntN(3) == 0 {
				w = 0
			}
			bitVectors = append(bitVectors, w)
		}
		directions = append(directions, uint8(rng.IntN(spread)+200))
	}
	return bitVectors, directions, NewSet(words, bitVectors, directions)
}

// TestDefinition compares every level with the definition, pair by pair.
func TestDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		words := 1 + rng.IntN(MaxWords)
		aBits, aDirs, a := random(rng, words, rng.IntN(90))
		bBits, bDirs, b := random(rng, words, rng.IntN(90))
		turn := rng.IntN(128)
		// By the definition: rows by minutia, then the lowest of each.
		lowest := map[int]float32{}
		var all []Pair
		for i, d := range bDirs {
			row := bBits[i*words:][:words]
			for j, e := range aDirs {
				column := aBits[j*words:][:words]
				off := int(int8(d - e))
				n, m, x := count(row), count(column), 0
				for k := range row {
					x += bits.OnesCount64(row[k] ^ column[k])
				}
				if n == 0 || m == 0 || off > turn || off < -turn {
					continue
				}
				norm := root(n) + root(m)
				r := float32(x) / (norm * norm)
				all = append(all, Pair{uint16(i), uint16(j), r})
				if low, ok := lowest[i]; !ok || r < low {
					lowest[i] = r
				}
			}
		}
		for _, level := range simd.Supported() {
			p := NewProbe(level, turn)
			p.Load(a)
			for k, r := range p.Nearest(nil, b) {
				want, ok := lowest[int(b.Index[k])]
				if !ok {
					want = 2
				}
				if r != want {
					t.Fatalf("%v, %d words, turn %d: nearest of minutia %d is %v, want %v", level, words, turn, b.Index[k], r, want)
				}
			}
			const every = 1 << 16
			p.Compare(b)
			got := p.Closest(nil, every, 1.5)
			sortPairs(got)
			sortPairs(all)
			if !slices.Equal(got, all) {
				t.Fatalf("%v, %d words, turn %d: %d pairs, want %d", level, words, turn, len(got), len(all))
			}
			other := NewProbe(level, turn)
			other.Load(b)
			there := p.Likeness()
			other.Compare(a)
			if back := other.Likeness(); there != back {
				t.Fatalf("%v, %d words, turn %d: likeness %d, the other way %d", level, words, turn, there, back)
			}
			size := min(a.Len(), b.Len())
			if want := max(Likeness(p.Nearest(nil, b), size), Likeness(other.Nearest(nil, a), size)); there != want {
				t.Fatalf("%v, %d words, turn %d: likeness %d, of the nearest %d", level, words, turn, there, want)
			}
		}
	}
}

func count(words []uint64) (n int) {
	for _, w := range words {
		n += bits.OnesCount64(w)
	}
	return n
}

func sortPairs(p []Pair) {
	slices.SortFunc(p, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.Ratio, b.Ratio), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
	})
}

func TestClosestKeepsTheLowest(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		_, _, a := random(rng, 6, 40)
		_, _, b := random(rng, 6, 40)
		p := NewProbe(simd.Generic, 60)
		p.Load(a)
		const n, most = 48, 0.5
		p.Compare(b)
		got := p.Closest(nil, n, most)
		all := p.Closest(nil, 1<<16, most)
		sortPairs(all)
		sortPairs(got)
		if len(got) > n || !slices.Equal(got, all[:len(got)]) {
			t.Fatalf("%d of %d pairs are not the lowest", len(got), len(all))
		}
		// The next step did not fit as a whole.
		if len(got) < len(all) && len(all) > n {
			step := func(r float32) int { return int(r * (buckets / most)) }
			next := step(all[len(got)].Ratio)
			k := len(got)
			for k < len(all) && step(all[k].Ratio) == next {
				k++
			}
			if k <= n {
				t.Fatalf("kept %d pairs where %d fit", len(got), k)
			}
		}
	}
}

func TestUnlikeSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	_, _, a := random(rng, 6, 20)
	_, _, b := random(rng, 5, 20)
	p := NewProbe(simd.Generic, 40)
	p.Load(a)
	defer func() {
		if recover() == nil {
			t.Error("sets of 6 and 5 words were compared")
		}
	}()
	p.Nearest(nil, b)
}

func TestSimilarity(t *testing.T) {
	for _, s := range []float32{0, 0.25, 0.5, 1} {
		if got := Similarity(Ratio(s)); got != s {
			t.Errorf("Similarity(Ratio(%v)) = %v", s, got)
		}
	}
}

// Benchmarks have prints of 36 cylinders of 384 bits and a turn of 44, as the
// engine has.
func BenchmarkNearest(b *testing.B) {
	eachLevel(b, func(b *testing.B, p *Probe, sets []*Set) {
		var dst []float32
		p.Load(sets[0])
		for i := range b.N {
			dst = p.Nearest(dst, sets[i%len(sets)])
		}
	})
}

func BenchmarkClosest(b *testing.B) {
	eachLevel(b, func(b *testing.B, p *Probe, sets []*Set) {
		var dst []Pair
		for i := range b.N {
			p.Load(sets[i%7])
			p.Compare(sets[i%len(sets)])
			dst = p.Closest(dst[:0], 48, 0.5)
		}
	})
}

// threadTime is what this thread has computed, so that other programs on the
// machine disturb less.
func threadTime() time.Duration {
	const threadCPUTime = 3 // CLOCK_THREAD_CPUTIME_ID of clock_gettime(2)
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPUTime, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0
	}
	return time.Duration(t.Nano())
}

func eachLevel(b *testing.B, f func(b *testing.B, p *Probe, sets []*Set)) {
	rng := rand.New(rand.NewPCG(7, 8))
	var sets []*Set
	for range 64 {
		bitVectors, directions := make([]uint64, 36*6), make([]uint8, 36)
		for i := range bitVectors {
			bitVectors[i] = rng.Uint64() & rng.Uint64()
		}
		for i := range directions {
			directions[i] = uint8(rng.Uint32())
		}
		sets = append(sets, NewSet(6, bitVectors, directions))
	}
	for _, level := range simd.Supported() {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			p, start := NewProbe(level, 44), threadTime()
			f(b, p, sets)
			b.ReportMetric(float64(threadTime()-start)/float64(b.N), "cpu-ns/op")
		})
	}
}
