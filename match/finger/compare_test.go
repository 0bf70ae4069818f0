package finger

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
)

// TestRidgesHelp: without the ridges, as from an interchange record, one finger
// still matches itself and not another, though less surely.
func TestRidgesHelp(t *testing.T) {
	bare := func(tpl *Template) *Template {
		return &Template{Width: tpl.Width, Height: tpl.Height, Minutiae: tpl.Minutiae}
	}
	f := ridge.Grow(61)
	a := mustExtract(t, Image(*f.Impression(0, ridge.WindowZFM)))
	b := mustExtract(t, Image(*f.Impression(1, ridge.WindowZFM)))
	c := mustExtract(t, Image(*ridge.Grow(62).Impression(0, ridge.WindowZFM)))
	if s := Compare(bare(a), bare(b)); s < Threshold {
		t.Errorf("genuine by minutiae alone: %.1f", s)
	}
	if s := Compare(bare(a), b); s < Threshold {
		t.Errorf("genuine, ridges on one side: %.1f", s)
	}
	if s := Compare(bare(a), bare(c)); s >= Threshold {
		t.Errorf("impostor by minutiae alone: %.1f", s)
	}
}

// TestMatcherForgets: a comparison must not depend on those before it.
func TestMatcherForgets(t *testing.T) {
	var ps []*Prepared
	for seed := range uint64(3) {
		f := ridge.Grow(70 + seed)
		for n := range 2 {
			ps = append(ps, Prepare(mustExtract(t, Image(*f.Impression(n, ridge.WindowR503)))))
		}
	}
	ps = append(ps, Prepare(&Template{}))
	var used Matcher
	for _, a := range ps {
		for _, b := range ps {
			if got, want := used.Compare(a, b), new(Matcher).Compare(a, b); got != want {
				t.Errorf("a used matcher says %v, a new one %v", got, want)
			}
		}
	}
}

func TestCurve(t *testing.T) {
	for _, c := range []*curve{&withRidges, &minutiaeOnly} {
		last := -1.0
		for raw := 0.0; raw < 40; raw += 0.1 {
			s := c.at(raw)
			if s <= last {
				t.Fatalf("the curve falls at %.1f", raw)
			}
			last = s
		}
	}
	if s := withRidges.at(8.1); math.Abs(s-ThresholdFMR1Permille) > 1e-9 {
		t.Errorf("1 in 1,000 is at %v", s)
	}
}

// FuzzCompare makes templates of bytes, six a minutia and nine a tile.
func FuzzCompare(f *testing.F) {
	f.Add(uint16(256), uint16(288), uint16(2), uint16(3), []byte("minutiae here and there and everywhere"), []byte("tiles that show no ridges"))
	f.Add(uint16(0), uint16(0), uint16(65535), uint16(65535), []byte{}, []byte{255})
	f.Add(uint16(1000), uint16(1), uint16(1), uint16(1), make([]byte, 900), make([]byte, 9))
	f.Fuzz(func(t *testing.T, w, h, columns, rows uint16, points, tiles []byte) {
		a := &Template{Width: int(w), Height: int(h), Ridges: &Ridges{Columns: int(columns), Rows: int(rows)}}
		for ; len(points) >= 6; points = points[6:] {
			a.Minutiae = append(a.Minutiae, Minutia{
				X: int(int16(points[0])<<8 | int16(points[1])), Y: int(int16(points[2])<<8 | int16(points[3])),
				Angle: points[4], Kind: Kind(points[5]), Quality: points[5],
			})
		}
		for ; len(tiles) >= 9; tiles = tiles[9:] {
			word := uint64(0)
			for _, v := range tiles[:8] {
				word = word<<8 | uint64(v)
			}
			a.Ridges.Tiles = append(a.Ridges.Tiles, word)
			a.Ridges.Finger = append(a.Ridges.Finger, tiles[8]&1 == 0)
		}
		b := &Template{Width: a.Width, Height: a.Height, Minutiae: a.Minutiae[len(a.Minutiae)/3:], Ridges: a.Ridges}
		s, r := Compare(a, b), Compare(b, a)
		if s != r || math.IsNaN(s) || math.IsInf(s, 0) || s < 0 {
			t.Fatalf("%v one way, %v the other", s, r)
		}
	})
}

// TestItself: a print with more minutiae than pairs are looked at scores highest
// against itself.
func TestItself(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 9))
	for _, n := range []int{10, maxCandidates, maxCandidates + 1, 120, MaxMinutiae} {
		tpl := &Template{Width: 500, Height: 500}
		for range n {
			tpl.Minutiae = append(tpl.Minutiae, Minutia{X: 20 + rng.IntN(460), Y: 20 + rng.IntN(460), Angle: uint8(rng.IntN(256))})
		}
		if s := Compare(tpl, tpl); s < ThresholdFMR1PerMillion {
			t.Errorf("%d minutiae: %.1f against itself", n, s)
		}
	}
}
