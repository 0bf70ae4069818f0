package evaluation

import (
	"fmt"
	"math"
)

// Confidence of every interval of this package.
const Confidence = 0.95

// Rate is a share of errors with the interval of Clopper and Pearson
// (Biometrika 26, 1934), the exact one for independent trials that ISO/IEC
// 19795-1 annex B suggests where errors are few. Comparisons that share a sample
// or a person are not independent: see [Resample].
type Rate struct {
	Errors int     `json:"errors"`
	Trials int     `json:"trials"`
	Value  float64 `json:"rate"` // 0..1; 0 without a trial
	Low    float64 `json:"low"`
	High   float64 `json:"high"` // 1 without a trial
}

// RateOf makes the rate of errors out of trials.
func RateOf(errors, trials int) Rate {
	low, high := ClopperPearson(errors, trials)
	return Rate{Errors: errors, Trials: trials, Value: share(errors, trials), Low: low, High: high}
}

// String is the rate in percent with its interval.
func (r Rate) String() string {
	if r.Trials == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %% (%.2f to %.2f)", 100*r.Value, 100*r.Low, 100*r.High)
}

// NonMatches are the errors of mated comparisons under the threshold.
func (c Curve) NonMatches(threshold float64) Rate {
	return RateOf(below(c.mated, threshold), len(c.mated))
}

// Matches are the errors of non-mated comparisons at or over the threshold.
func (c Curve) Matches(threshold float64) Rate {
	return RateOf(len(c.nonMated)-below(c.nonMated, threshold), len(c.nonMated))
}

// RuleOfThree tells whether so many independent non-mated trials without an
// error would show a rate of at most rate with 95 % confidence (ISO/IEC 19795-1
// annex B.1). With fewer a threshold for that rate is a guess.
func RuleOfThree(rate float64, trials int) bool { return rate*float64(trials) >= 3 }

// ClopperPearson is the two-sided interval of [Confidence] of a share.
func ClopperPearson(errors, trials int) (low, high float64) {
	if trials <= 0 || errors < 0 || errors > trials {
		return 0, 1
	}
	k, n, tail := float64(errors), float64(trials), (1-Confidence)/2
	low, high = 0, 1
	if errors > 0 {
		low = betaQuantile(tail, k, n-k+1)
	}
	if errors < trials {
		high = betaQuantile(1-tail, k+1, n-k)
	}
	return low, high
}

// betaQuantile inverts the distribution function of Beta(a, b) by bisection.
func betaQuantile(p, a, b float64) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		middle := (low + high) / 2
		if betaShare(middle, a, b) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// betaShare is the regularised incomplete beta function I_x(a, b) by its
// continued fraction (DLMF 8.17.22), evaluated after Lentz.
func betaShare(x, a, b float64) float64 {
	if x <= 0 || x >= 1 {
		return math.Min(math.Max(x, 0), 1)
	}
	if x > (a+1)/(a+b+2) { // there it converges fast only from the other side
		return 1 - betaShare(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	f, c, d := 1.0, 1.0, 0.0
	for i := range 500 {
		m := float64(i / 2)
		var term float64
		switch {
		case i == 0:
			term = 1
		case i%2 == 0:
			term = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			term = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		d = 1 / nonZero(1+term*d, tiny)
		c = nonZero(1+term/c, tiny)
		f *= c * d
		if math.Abs(1-c*d) < 1e-14 {
			break
		}
	}
	return front * (f - 1)
}

func nonZero(x, tiny float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}
