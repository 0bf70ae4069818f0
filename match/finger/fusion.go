package finger

import (
	"cmp"
	"math"
	"slices"

	"github.com/enrold/enrold/internal/eid"
)

// Set holds the impressions of one person's fingers, several a finger.
type Set map[eid.FingerPosition][]*Prepared

// positions in order, so that results do not depend on the map.
func (s Set) positions() []eid.FingerPosition {
	out := make([]eid.FingerPosition, 0, len(s))
	for p := range s {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// BestOf fuses the scores of several impressions of one finger, on the scale of
// Threshold: the best one, less what the choice among n makes likelier (the
// rate is at most n times that of one comparison).
func BestOf(scores ...float64) float64 {
	if len(scores) == 0 {
		return 0
	}
	return max(0, slices.Max(scores)-10*math.Log10(float64(len(scores))))
}

// Fuse combines the scores of different fingers, on the scale of Threshold. It
// takes the better of Fisher's method for independent tests, by which ten
// middling fingers add up, and of the best finger alone, which nine bad ones
// must not drown; either choice may be right by chance, which costs 3.
func Fuse(scores ...float64) float64 {
	var sum float64
	for _, s := range scores {
		sum += max(0, s)
	}
	// The chance of a product of n uniform rates at or under e^-x is
	// e^-x * (1 + x + x^2/2! + ... + x^(n-1)/(n-1)!).
	x := sum * math.Ln10 / 10
	term, series := 1.0, 0.0
	for k := range scores {
		series += term
		term *= x / float64(k+1)
	}
	if len(scores) < 2 {
		return sum
	}
	fisher := sum - 10*math.Log10(series)
	return max(0, max(fisher, BestOf(scores...))-10*math.Log10(2))
}

// PositionScore is the comparison of one finger of two sets.
type PositionScore struct {
	Position eid.FingerPosition
	Score    float64
}

// CompareSets compares the fingers that both sets have, impression by
// impression, and fuses them. No common finger gives 0.
func (m *Matcher) CompareSets(a, b Set) (fused float64, fingers []PositionScore) {
	var scores []float64
	for _, p := range a.positions() {
		if len(a[p]) == 0 || len(b[p]) == 0 {
			continue
		}
		s := m.compareAll(a[p], b[p])
		scores = append(scores, s)
		fingers = append(fingers, PositionScore{p, s})
	}
	return Fuse(scores...), fingers
}

func (m *Matcher) compareAll(a, b []*Prepared) float64 {
	var scores []float64
	for _, p := range a {
		for _, q := range b {
			scores = append(scores, m.Compare(p, q))
		}
	}
	return BestOf(scores...)
}

// Mixup is a finger given in the place of another.
type Mixup struct {
	Given, Is eid.FingerPosition
	Score     float64
}

// Swapped finds fingers of given that match another finger of recorded, at
// Threshold, and better than the one they were given for.
func (m *Matcher) Swapped(recorded, given Set) []Mixup {
	var out []Mixup
	for _, p := range given.positions() {
		own := m.compareAll(recorded[p], given[p])
		best := Mixup{Given: p}
		for _, q := range recorded.positions() {
			if q == p {
				continue
			}
			if s := m.compareAll(recorded[q], given[p]); s > best.Score {
				best.Is, best.Score = q, s
			}
		}
		if best.Score >= Threshold && best.Score > own {
			out = append(out, best)
		}
	}
	return out
}

// Repeated finds pairs of positions of one set that show the same finger, at
// Threshold: Given is the later position. The surest comes first.
func (m *Matcher) Repeated(s Set) []Mixup {
	var out []Mixup
	order := s.positions()
	for i, p := range order {
		for _, q := range order[:i] {
			if score := m.compareAll(s[q], s[p]); score >= Threshold {
				out = append(out, Mixup{Given: p, Is: q, Score: score})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Mixup) int { return cmp.Compare(b.Score, a.Score) })
	return out
}
