// Package evaluation measures a biometric comparison algorithm by its scores,
// in the terms of ISO/IEC 19795-1: false match and false non-match rates,
// equal error rate, detection error trade-off, failures to enrol and to acquire.
// It knows nothing of the modality; greater scores mean more alike.
package evaluation

import (
	"math"
	"slices"
)

// Trial holds the scores of a technology evaluation's comparison trials. An
// attempt whose sample gave no template (failure to enrol or to acquire)
// enters with the lowest score that the algorithm gives.
type Trial struct {
	Mated    []float64 // genuine: both samples of one source
	NonMated []float64 // impostor
}

// Curve is a trial sorted for reading rates off it.
type Curve struct{ mated, nonMated []float64 }

// Curve copies and sorts the scores. NaN counts as the lowest score.
func (t Trial) Curve() Curve {
	return Curve{ascending(t.Mated), ascending(t.NonMated)}
}

func ascending(scores []float64) []float64 {
	sorted := slices.Clone(scores)
	for i, s := range sorted {
		if math.IsNaN(s) {
			sorted[i] = math.Inf(-1)
		}
	}
	slices.Sort(sorted)
	return sorted
}

// FNMR is the share of mated comparisons under the threshold, 0..1; 0 without any.
func (c Curve) FNMR(threshold float64) float64 { return share(below(c.mated, threshold), len(c.mated)) }

// FMR is the share of non-mated comparisons at or over the threshold, 0..1; 0
// without any.
func (c Curve) FMR(threshold float64) float64 {
	return share(len(c.nonMated)-below(c.nonMated, threshold), len(c.nonMated))
}

func below(sorted []float64, threshold float64) int {
	n, _ := slices.BinarySearch(sorted, threshold)
	return n
}

func share(n, all int) float64 {
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}

// Point of a detection error trade-off curve.
type Point struct{ Threshold, FMR, FNMR float64 }

// DET returns the rates at every threshold where one of them changes, from the
// one that accepts all to +Inf, which accepts nothing.
func (c Curve) DET() []Point {
	var points []Point
	m, n := 0, 0
	for m < len(c.mated) || n < len(c.nonMated) {
		t := math.Inf(1)
		if m < len(c.mated) {
			t = min(t, c.mated[m])
		}
		if n < len(c.nonMated) {
			t = min(t, c.nonMated[n])
		}
		points = append(points, Point{t, share(len(c.nonMated)-n, len(c.nonMated)), share(m, len(c.mated))})
		for m < len(c.mated) && c.mated[m] <= t {
			m++
		}
		for n < len(c.nonMated) && c.nonMated[n] <= t {
			n++
		}
	}
	if len(points) == 0 {
		return nil
	}
	return append(points, Point{math.Inf(1), 0, share(m, len(c.mated))})
}

// EER is the equal error rate as FVC2000 defines it (Maio et al., "FVC2000:
// Fingerprint Verification Competition", PAMI 24(3), 2002, §3.2): the middle of
// the interval between the two rates at the better of the last threshold with
// FNMR <= FMR and the first with FNMR >= FMR. The threshold is that one's.
func (c Curve) EER() (rate, threshold float64) {
	points := c.DET()
	if len(points) == 0 {
		return 0, 0
	}
	k := slices.IndexFunc(points, func(p Point) bool { return p.FNMR >= p.FMR })
	t2 := points[k]
	t1 := t2
	if t2.FNMR > t2.FMR && k > 0 {
		t1 = points[k-1]
	}
	best := t2
	if t1.FNMR+t1.FMR <= t2.FNMR+t2.FMR {
		best = t1
	}
	return (best.FMR + best.FNMR) / 2, best.Threshold
}

// FNMRAt is the lowest FNMR at any threshold with an FMR of at most rate, and
// that threshold: FVC's FMR100 is FNMRAt(0.01), FMR1000 FNMRAt(0.001), ZeroFMR
// FNMRAt(0).
func (c Curve) FNMRAt(rate float64) (fnmr, threshold float64) {
	for _, p := range c.DET() {
		if p.FMR <= rate {
			return p.FNMR, p.Threshold
		}
	}
	return 0, 0
}

// Acquisition counts samples on their way to templates.
type Acquisition struct {
	Samples int // presented
	Failed  int // of them, without a usable template
}

// FTA is the failure-to-acquire rate; with one sample an enrolment, it is the
// failure-to-enrol rate too.
func (a Acquisition) FTA() float64 { return share(a.Failed, a.Samples) }
