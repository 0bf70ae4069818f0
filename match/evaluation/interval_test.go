package evaluation

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestClopperPearson: the values are from the exact quantiles of the beta
// distribution; for no errors they have the closed form 1 - 0.025^(1/n).
func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		errors, trials int
		low, high      float64
	}{
		{0, 100, 0, 1 - math.Pow(0.025, 1.0/100)},
		{0, 100_000, 0, 1 - math.Pow(0.025, 1e-5)},
		{100, 100, math.Pow(0.025, 1.0/100), 1},
		{1, 1, 0.025, 1},
		{5, 100, 0.016432, 0.112835},
		{50, 100, 0.398321, 0.601679},
		{0, 0, 0, 1},
	} {
		low, high := ClopperPearson(c.errors, c.trials)
		if math.Abs(low-c.low) > 1e-6 || math.Abs(high-c.high) > 1e-6 {
			t.Errorf("%d of %d: %.6f to %.6f, want %.6f to %.6f", c.errors, c.trials, low, high, c.low, c.high)
		}
	}
}

// TestBetaShare: I_x(1, b) = 1 - (1-x)^b, I_x(a, 1) = x^a, and the symmetry.
func TestBetaShare(t *testing.T) {
	for _, x := range []float64{0.001, 0.1, 0.5, 0.9, 0.999} {
		for _, n := range []float64{1, 2.5, 40, 5000} {
			if got, want := betaShare(x, 1, n), 1-math.Pow(1-x, n); math.Abs(got-want) > 1e-10 {
				t.Errorf("I_%g(1,%g) = %g, want %g", x, n, got, want)
			}
			if got, want := betaShare(x, n, 1), math.Pow(x, n); math.Abs(got-want) > 1e-10 {
				t.Errorf("I_%g(%g,1) = %g, want %g", x, n, got, want)
			}
		}
		if sum := betaShare(x, 7, 12) + betaShare(1-x, 12, 7); math.Abs(sum-1) > 1e-10 {
			t.Errorf("symmetry at %g: %g", x, sum)
		}
	}
}

func TestRuleOfThree(t *testing.T) {
	if !RuleOfThree(0.001, 3000) || RuleOfThree(0.001, 2999) {
		t.Error("3000 trials show one in a thousand, fewer do not")
	}
}

// TestResampleCovers: the interval holds the rate itself, and one over few
// samples in many pairs is wider than that which calls all pairs independent.
func TestResampleCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const persons, each = 12, 4
	shift := make([]float64, persons*each)
	for i := range shift {
		shift[i] = random.NormFloat64() // a sample that is bad in one pair is bad in all
	}
	var pairs []Pair
	var trial Trial
	for a := range shift {
		for b := range a {
			p := Pair{A: a, B: b, Mated: a/each == b/each, Score: (shift[a] + shift[b]) / 2}
			if p.Mated {
				p.Score += 2
				trial.Mated = append(trial.Mated, p.Score)
			} else {
				trial.NonMated = append(trial.NonMated, p.Score)
			}
			pairs = append(pairs, p)
		}
	}
	curve := trial.Curve()
	eer, limit := curve.EER()
	spread := Resample(pairs, len(shift), []float64{limit})
	if eer < spread.EER.Low || eer > spread.EER.High || spread.EER.High-spread.EER.Low <= 0 {
		t.Errorf("EER %.3f outside %+v", eer, spread.EER)
	}
	fmr := curve.Matches(limit)
	if fmr.Value < spread.FMR[0].Low || fmr.Value > spread.FMR[0].High {
		t.Errorf("FMR %v outside %+v", fmr, spread.FMR[0])
	}
	if spread.FMR[0].High-spread.FMR[0].Low <= fmr.High-fmr.Low {
		t.Errorf("dependent pairs: %+v is not wider than %v", spread.FMR[0], fmr)
	}
	if again := Resample(pairs, len(shift), []float64{limit}); again.EER != spread.EER {
		t.Error("the same data gave other intervals")
	}
}
