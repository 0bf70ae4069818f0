package evaluation

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Pair is one comparison with the numbers of its two samples, 0 upwards.
type Pair struct {
	Score float64 // greater is more alike; NaN where a sample gave no template
	Mated bool
	A, B  int
}

// Range is an interval of rates, 0..1.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Spread is how far rates move when other samples had been taken.
type Spread struct {
	EER       Range
	FMR, FNMR []Range // for each threshold
}

const (
	replicates = 200
	seed       = 19795 // the same data give the same intervals
)

// Resample draws the samples again and again with replacement and gives the
// middle [Confidence] of the rates: comparisons that share a sample rise and fall
// together, so these intervals are wider and more honest than those of [RateOf].
// (Bolle, Ratha, Pankanti: "Error analysis of pattern recognition systems: the
// subsets bootstrap", CVIU 93, 2004; here by sample.) samples is one more than
// the greatest number in pairs.
func Resample(pairs []Pair, samples int, thresholds []float64) Spread {
	sorted := slices.Clone(pairs)
	for i := range sorted {
		if math.IsNaN(sorted[i].Score) {
			sorted[i].Score = math.Inf(-1)
		}
	}
	slices.SortFunc(sorted, func(a, b Pair) int { return cmp.Compare(a.Score, b.Score) })
	random := rand.New(rand.NewPCG(seed, seed))
	weights := make([]float64, samples)
	var eers []float64
	fmrs, fnmrs := make([][]float64, len(thresholds)), make([][]float64, len(thresholds))
	for range replicates {
		clear(weights)
		for range samples {
			weights[random.IntN(samples)]++
		}
		w := weighted{sorted, weights}
		mated, nonMated := w.sums()
		if mated == 0 || nonMated == 0 {
			continue
		}
		eers = append(eers, w.eer(mated, nonMated))
		for i, t := range thresholds {
			fmr, fnmr := w.at(t, mated, nonMated)
			fmrs[i], fnmrs[i] = append(fmrs[i], fmr), append(fnmrs[i], fnmr)
		}
	}
	out := Spread{EER: middle(eers)}
	for i := range thresholds {
		out.FMR, out.FNMR = append(out.FMR, middle(fmrs[i])), append(out.FNMR, middle(fnmrs[i]))
	}
	return out
}

// weighted are comparisons in ascending order of their scores; each counts as
// often as its two samples were drawn.
type weighted struct {
	pairs   []Pair
	weights []float64
}

func (w weighted) of(p Pair) float64 { return w.weights[p.A] * w.weights[p.B] }

func (w weighted) sums() (mated, nonMated float64) {
	for _, p := range w.pairs {
		if p.Mated {
			mated += w.of(p)
		} else {
			nonMated += w.of(p)
		}
	}
	return mated, nonMated
}

// eer is where FNMR overtakes FMR, the mean of both there.
func (w weighted) eer(mated, nonMated float64) float64 {
	under, over := 0.0, nonMated // mated under, non-mated at or over the threshold
	for i := 0; i < len(w.pairs); {
		if under/mated >= over/nonMated {
			break
		}
		for t := w.pairs[i].Score; i < len(w.pairs) && w.pairs[i].Score == t; i++ {
			if w.pairs[i].Mated {
				under += w.of(w.pairs[i])
			} else {
				over -= w.of(w.pairs[i])
			}
		}
	}
	return (under/mated + over/nonMated) / 2
}

func (w weighted) at(threshold, mated, nonMated float64) (fmr, fnmr float64) {
	for _, p := range w.pairs {
		switch {
		case p.Mated && p.Score < threshold:
			fnmr += w.of(p) / mated
		case !p.Mated && p.Score >= threshold:
			fmr += w.of(p) / nonMated
		}
	}
	return fmr, fnmr
}

func middle(values []float64) Range {
	if len(values) == 0 {
		return Range{0, 1}
	}
	slices.Sort(values)
	tail := (1 - Confidence) / 2
	at := func(q float64) float64 { return values[int(math.Round(q*float64(len(values)-1)))] }
	return Range{at(tail), at(1 - tail)}
}
