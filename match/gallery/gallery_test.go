package gallery

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func random(r *rand.Rand, dimension int) []float32 {
	t := make([]float32, dimension)
	var square float64
	for i := range t {
		v := r.NormFloat64()
		t[i], square = float32(v), square+v*v
	}
	for i := range t {
		t[i] /= float32(math.Sqrt(square))
	}
	return t
}

// score is the definition of kernel, for one template.
func score(a, b []float32, int8s bool) float32 {
	if !int8s {
		var sums [4]float32
		for i := range a {
			sums[i%4] += float32(a[i] * b[i])
		}
		return (sums[0] + sums[1]) + (sums[2] + sums[3])
	}
	qa, qb := make([]int, len(a)), make([]int, len(b))
	sa := quantise(a, func(i int, v int8) { qa[i] = int(v) })
	sb := quantise(b, func(i int, v int8) { qb[i] = int(v) })
	sum := 0
	for i := range qa {
		sum += qa[i] * qb[i]
	}
	return float32(float32(sum)*sa) * sb
}

func eachKind(t *testing.T, f func(t *testing.T, k Kernel, int8s bool)) {
	for _, k := range Supported() {
		for _, int8s := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/int8=%v", k, int8s), func(t *testing.T) { f(t, k, int8s) })
		}
	}
}

func make1(t *testing.T, o Options) *Gallery {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// TestExact compares every kernel, bit by bit, with a sort of all scores.
func TestExact(t *testing.T) {
	eachKind(t, func(t *testing.T, k Kernel, int8s bool) {
		for _, c := range []struct{ dimension, n, top, threads int }{
			{1, 5, 3, 1}, {3, 17, 40, 1}, {16, 1, 1, 2}, {61, 700, 10, 1}, {128, 3000, 10, 2}, {192, 500, 1, 1}, {256, 900, 900, 3}, {512, 200, 7, 1},
		} {
			r := rand.New(rand.NewPCG(1, uint64(c.dimension)))
			g := make1(t, Options{Dimension: c.dimension, Int8: int8s, Kernel: k, Threads: c.threads})
			all := map[uint64][]float32{}
			for i := range c.n {
				number := uint64(i)*7919%100003 + 1
				all[number] = random(r, c.dimension)
				if i%5 == 4 { // ties, of a template that is there already
					all[number] = all[uint64(i-1)*7919%100003+1]
				}
				if err := g.Add(number, all[number]); err != nil {
					t.Fatal(err)
				}
			}
			for number := range all {
				if number%3 == 0 {
					if !g.Delete(number) {
						t.Fatalf("template %d was not there", number)
					}
					delete(all, number)
				}
			}
			probes := [][]float32{random(r, c.dimension), random(r, c.dimension), random(r, c.dimension)}
			got, err := g.SearchAll(t.Context(), probes, c.top)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range probes {
				var want []Candidate
				for number, v := range all {
					want = append(want, Candidate{number, score(v, p, int8s)})
				}
				slices.SortFunc(want, func(a, b Candidate) int {
					return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Number, b.Number))
				})
				want = want[:min(len(want), c.top)]
				if !slices.Equal(got[i], want) {
					t.Fatalf("dimension %d: probe %d: got %v\nwant %v", c.dimension, i, got[i], want)
				}
				one, err := g.Search(t.Context(), p, c.top)
				if err != nil || !slices.Equal(one, want) {
					t.Fatalf("dimension %d: alone: %v, %v", c.dimension, one, err)
				}
			}
		}
	})
}

// TestInt8 tells how far int8 is from float32.
func TestInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	worst := 0.0
	for range 2000 {
		a, b := random(r, 256), random(r, 256)
		worst = max(worst, math.Abs(float64(score(a, b, true)-score(a, b, false))))
	}
	if worst > 0.01 {
		t.Errorf("int8 is off by up to %.4f, want at most 0.01", worst)
	}
}

func TestRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	g := make1(t, Options{Dimension: 8})
	nan := random(r, 8)
	nan[3] = float32(math.NaN())
	inf := random(r, 8)
	inf[0] = float32(math.Inf(-1))
	for name, v := range map[string][]float32{"short": random(r, 7), "long": random(r, 9), "zero": make([]float32, 8), "nan": nan, "inf": inf, "none": nil} {
		if err := g.Add(1, v); !errors.Is(err, ErrTemplate) {
			t.Errorf("add %s: %v, want ErrTemplate", name, err)
		}
		if _, err := g.Search(t.Context(), v, 1); !errors.Is(err, ErrTemplate) {
			t.Errorf("search %s: %v, want ErrTemplate", name, err)
		}
	}
	if err := g.Add(1, random(r, 8)); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(1, random(r, 8)); !errors.Is(err, ErrKnown) {
		t.Errorf("add again: %v, want ErrKnown", err)
	}
	if g.Delete(2) {
		t.Error("deleted what was not there")
	}
	for _, d := range []int{0, -1, maxDimension + 1} {
		if _, err := New(Options{Dimension: d}); err == nil {
			t.Errorf("made a gallery of dimension %d", d)
		}
	}
	for _, k := range []int{0, -1} {
		if got, err := g.Search(t.Context(), random(r, 8), k); err != nil || len(got) != 0 {
			t.Errorf("top %d: %v, %v", k, got, err)
		}
	}
}

// TestWiped looks at the memory itself.
func TestWiped(t *testing.T) {
	eachKind(t, func(t *testing.T, k Kernel, int8s bool) {
		r := rand.New(rand.NewPCG(4, 4))
		g := make1(t, Options{Dimension: 40, Int8: int8s, Kernel: k})
		empty := g.ReadAll()
		for i := range uint64(100) {
			if err := g.Add(i, random(r, 40)); err != nil {
				t.Fatal(err)
			}
		}
		if g.ReadAll() == empty {
			t.Error("nothing was written")
		}
		for i := range uint64(100) {
			g.Delete(i)
		}
		for _, p := range *g.pages.Load() {
			for i, b := range p.data {
				if b != 0 {
					t.Fatalf("byte %d of a page is %d after all was deleted", i, b)
				}
			}
		}
	})
}

// TestRead sums the same on every level.
func TestRead(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	data := make([]byte, 8*chunkBytes)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	for n := range 9 {
		want := portable.read(&data[0], n)
		for _, k := range Supported() {
			if got := kernels(k).read(&data[0], n); got != want {
				t.Errorf("%v: %d chunks: %x, want %x", k, n, got, want)
			}
		}
	}
}

// TestWhileSearching runs everything at once. Those that stay are always found;
// run it with -race and ENROLD_SIMD=generic, since assembly is not watched.
func TestWhileSearching(t *testing.T) {
	const dimension, stay = 24, 300
	for _, int8s := range []bool{false, true} {
		g := make1(t, Options{Dimension: dimension, Int8: int8s, Kernel: Best(), Threads: 2})
		r := rand.New(rand.NewPCG(6, 6))
		templates := make([][]float32, stay)
		for i := range templates {
			templates[i] = random(r, dimension)
			if err := g.Add(uint64(i), templates[i]); err != nil {
				t.Fatal(err)
			}
		}
		var changing, searching sync.WaitGroup
		stop := make(chan struct{})
		for w := range 2 {
			changing.Go(func() {
				r := rand.New(rand.NewPCG(7, uint64(w)))
				for n := uint64(0); ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					number := 1000 + uint64(w)*1000 + n%500
					if !g.Delete(number) {
						if err := g.Add(number, random(r, dimension)); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		for w := range 2 {
			searching.Go(func() {
				for i := w; i < stay; i += 2 {
					got, err := g.Search(t.Context(), templates[i], 3)
					if err != nil || len(got) != 3 || got[0].Number != uint64(i) {
						t.Errorf("search for %d: %v, %v", i, got, err)
						return
					}
				}
			})
		}
		searching.Wait()
		close(stop)
		changing.Wait()
	}
}

func TestClosed(t *testing.T) {
	g, err := New(Options{Dimension: 4})
	if err != nil {
		t.Fatal(err)
	}
	one := []float32{1, 0, 0, 0}
	if err := errors.Join(g.Add(1, one), g.Close(), g.Close()); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(2, one); !errors.Is(err, ErrClosed) {
		t.Errorf("add: %v, want ErrClosed", err)
	}
	if got, err := g.Search(t.Context(), one, 1); err != nil || len(got) != 0 || g.Len() != 0 {
		t.Errorf("a closed gallery answers %v, %v", got, err)
	}
}
