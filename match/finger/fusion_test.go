package finger

import (
	"math"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
)

func TestFuse(t *testing.T) {
	for _, c := range []struct {
		name   string
		scores []float64
		want   float64
	}{
		{"nothing", nil, 0},
		{"one finger keeps its score", []float64{37}, 37},
		{"negative counts as nothing", []float64{-5}, 0},
		// e^-x(1+x) with x = 4 ln 10, and the choice of two
		{"two of one in a hundred", []float64{20, 20}, 40 - 10*math.Log10(2*(1+4*math.Ln10))},
	} {
		if got := Fuse(c.scores...); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if ten := Fuse(12, 12, 12, 12, 12, 12, 12, 12, 12, 12); ten < 40 {
		t.Errorf("ten middling fingers give %.1f", ten)
	}
	if one := Fuse(80, 0, 0, 0, 0, 0, 0, 0, 0, 0); one < 60 || one >= 70 {
		t.Errorf("one good finger of ten gives %.1f", one)
	}
}

func TestBestOf(t *testing.T) {
	if got := BestOf(30, 10); math.Abs(got-(30-10*math.Log10(2))) > 1e-9 {
		t.Errorf("best of two: %v", got)
	}
	if BestOf() != 0 || BestOf(1, 1, 1) != 0 {
		t.Error("nothing speaks for nothing")
	}
}

// TestSets records three fingers and presents them rightly, swapped and twice.
func TestSets(t *testing.T) {
	fingers := map[eid.FingerPosition]*ridge.Finger{
		eid.RightIndex: ridge.Grow(51), eid.LeftIndex: ridge.Grow(52), eid.RightThumb: ridge.Grow(53),
	}
	take := func(p eid.FingerPosition, impressions ...int) (out []*Prepared) {
		for _, n := range impressions {
			out = append(out, Prepare(mustExtract(t, Image(*fingers[p].Impression(n, ridge.WindowZFM)))))
		}
		return out
	}
	recorded := Set{eid.RightIndex: take(eid.RightIndex, 0, 1), eid.LeftIndex: take(eid.LeftIndex, 0, 1), eid.RightThumb: take(eid.RightThumb, 0)}
	right := Set{eid.RightIndex: take(eid.RightIndex, 2), eid.LeftIndex: take(eid.LeftIndex, 2)}
	swapped := Set{eid.RightIndex: take(eid.LeftIndex, 2), eid.LeftIndex: take(eid.RightIndex, 2)}
	twice := Set{eid.RightIndex: take(eid.RightIndex, 2), eid.LeftIndex: take(eid.RightIndex, 3)}
	var m Matcher

	fused, scores := m.CompareSets(recorded, right)
	if fused < Threshold || len(scores) != 2 || scores[0].Position != eid.RightIndex {
		t.Errorf("right fingers: %.1f %v", fused, scores)
	}
	if fused, _ := m.CompareSets(recorded, swapped); fused >= Threshold {
		t.Errorf("swapped fingers: %.1f", fused)
	}
	if got := m.Swapped(recorded, right); len(got) != 0 {
		t.Errorf("right fingers count as swapped: %v", got)
	}
	got := m.Swapped(recorded, swapped)
	if len(got) != 2 || got[0].Given != eid.RightIndex || got[0].Is != eid.LeftIndex || got[1].Is != eid.RightIndex {
		t.Errorf("swapped fingers: %v", got)
	}
	if got := m.Repeated(right); len(got) != 0 {
		t.Errorf("two fingers count as one: %v", got)
	}
	if got := m.Repeated(twice); len(got) != 1 || got[0].Given != eid.LeftIndex || got[0].Is != eid.RightIndex {
		t.Errorf("one finger twice: %v", got)
	}
}
