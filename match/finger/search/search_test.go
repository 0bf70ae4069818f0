package search

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/simd"
)

// prints extracts n impressions of fingers grown from seed first on.
func prints(t testing.TB, first uint64, fingers, n int) [][]*finger.Template {
	t.Helper()
	out := make([][]*finger.Template, fingers)
	for f := range out {
		grown := ridge.Grow(first + uint64(f))
		for k := range n {
			tpl, _, err := finger.Extract(finger.Image(*grown.Impression(k, ridge.WindowZFM)))
			if err != nil {
				t.Fatal(err)
			}
			out[f] = append(out[f], tpl)
		}
	}
	return out
}

// noise makes a template of minutiae placed at random.
func noise(rng *rand.Rand) *finger.Template {
	t := &finger.Template{Width: 300, Height: 300}
	for range 20 + rng.IntN(30) {
		t.Minutiae = append(t.Minutiae, finger.Minutia{
			X: rng.IntN(300), Y: rng.IntN(300), Angle: uint8(rng.Uint32()), Kind: finger.Ending, Quality: 60,
		})
	}
	return t
}

func fill(t testing.TB, g *Gallery, n int) (all map[uint64]*finger.Template) {
	rng := rand.New(rand.NewPCG(1, 1))
	all = map[uint64]*finger.Template{}
	for i := range n {
		all[uint64(i)] = noise(rng)
		if err := g.Add(uint64(i), all[uint64(i)]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestMatesAreFound hides a second impression of each finger among noise.
func TestMatesAreFound(t *testing.T) {
	g := New(Options{Threads: 2, Level: best()})
	fill(t, g, 3000)
	fingers := prints(t, 9900, 6, 2)
	for f, row := range fingers {
		if err := g.Add(uint64(100_000+f), row[0]); err != nil {
			t.Fatal(err)
		}
	}
	for f, row := range fingers {
		got, err := g.Search(context.Background(), row[1], 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 || got[0].Number != uint64(100_000+f) {
			t.Fatalf("finger %d: %v", f, got)
		}
		if want := finger.Compare(row[1], row[0]); got[0].Score != want {
			t.Errorf("finger %d scores %v, Compare says %v", f, got[0].Score, want)
		}
	}
}

func best() simd.Level {
	all := simd.Supported()
	return all[len(all)-1]
}

// TestKeepAll: with nothing left out, the result is that of comparing with all.
func TestKeepAll(t *testing.T) {
	g := New(Options{Keep: 1})
	all := fill(t, g, 200)
	fingers := prints(t, 9960, 2, 4)
	probe := fingers[0][0]
	for i, tpl := range append(fingers[0][1:], fingers[1]...) {
		all[uint64(1000+i)] = tpl
		if err := g.Add(uint64(1000+i), tpl); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.Search(context.Background(), probe, 10)
	if err != nil {
		t.Fatal(err)
	}
	var want []Candidate
	for n, tpl := range all {
		if s := finger.Compare(probe, tpl); s > 0 {
			want = append(want, Candidate{n, s})
		}
	}
	slices.SortFunc(want, func(a, b Candidate) int {
		if a.Score != b.Score {
			if a.Score > b.Score {
				return -1
			}
			return 1
		}
		return int(a.Number) - int(b.Number)
	})
	if want = want[:min(10, len(want))]; !slices.Equal(got, want) || len(got) < 3 {
		t.Errorf("found %v, want %v", got, want)
	}
}

// TestLevelsAgree: every SIMD level and number of threads keeps and finds the same.
func TestLevelsAgree(t *testing.T) {
	mates := prints(t, 9950, 1, 4)[0]
	var want []Candidate
	for _, level := range simd.Supported() {
		for _, threads := range []int{1, 3} {
			g := New(Options{Level: level, Threads: threads})
			fill(t, g, 2500)
			for i, tpl := range mates[1:] {
				if err := g.Add(uint64(10_000+i), tpl); err != nil {
					t.Fatal(err)
				}
			}
			got, err := g.Search(context.Background(), mates[0], 20)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) || len(got) < 3 {
				t.Errorf("%v with %d threads finds %v, want %v", level, threads, got, want)
			}
		}
	}
}

func TestAddAndDelete(t *testing.T) {
	g := New(Options{Keep: 1})
	all := fill(t, g, 2*pageSize+10)
	if err := g.Add(5, all[5]); !errors.Is(err, ErrKnown) {
		t.Errorf("adding a number twice: %v", err)
	}
	if g.Delete(1 << 40) {
		t.Error("deleted what was not there")
	}
	full := g.Bytes()
	for n := range uint64(2*pageSize + 10) {
		if n%7 != 0 && !g.Delete(n) {
			t.Fatalf("number %d was not there", n)
		}
	}
	if g.Len() != (2*pageSize+10+6)/7 || g.Bytes() > full/3 {
		t.Errorf("%d left in %d bytes of %d", g.Len(), g.Bytes(), full)
	}
	for n := uint64(0); n < 2*pageSize; n += 7 {
		if n%70 != 0 {
			continue
		}
		got, err := g.Search(context.Background(), all[n], 1)
		if err != nil || len(got) != 1 || got[0].Number != n {
			t.Fatalf("number %d is found as %v, %v", n, got, err)
		}
	}
	if !g.Delete(7) || g.Delete(7) {
		t.Error("number 7 can be deleted other than once")
	}
	if err := g.Add(7, all[7]); err != nil {
		t.Error(err)
	}
}

func TestNothing(t *testing.T) {
	g := New(Options{})
	empty := &finger.Template{Width: 300, Height: 300}
	for range 2 { // an empty gallery, then an empty template in it
		got, err := g.Search(context.Background(), empty, 5)
		if err != nil || len(got) != 0 {
			t.Errorf("found %v, %v", got, err)
		}
		if g.Len() == 0 {
			if err := g.Add(1, empty); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.Search(ctx, empty, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search gives %v", err)
	}
}
