package faces

import (
	"math/rand/v2"
	"testing"
)

// TestByWeight: two models that err independently are best together, the better
// one weighing more; one that knows nothing is best left out.
func TestByWeight(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for name, c := range map[string]struct {
		noise     [2]float64
		blind     bool // the second model knows nothing
		low, high float64
	}{
		"alike":        {noise: [2]float64{0.3, 0.3}, low: 0.3, high: 0.7},
		"first better": {noise: [2]float64{0.2, 0.45}, low: 0.6, high: 0.95},
		"second blind": {noise: [2]float64{0.3, 0.3}, blind: true, low: 0.9, high: 1},
	} {
		var scores [][2]float64
		var mated []bool
		for i := range 20_000 {
			same := i%2 == 0
			s := [2]float64{c.noise[0] * rng.NormFloat64(), c.noise[1] * rng.NormFloat64()}
			if same {
				s[0]++
				if !c.blind {
					s[1]++
				}
			}
			scores, mated = append(scores, s), append(mated, same)
		}
		tried := byWeight(scores, mated)
		low, high := fewest(tried)
		if len(tried) != 21 || low < c.low || high > c.high {
			t.Errorf("%s: best of %d weights are %.2f to %.2f, want %.2f to %.2f", name, len(tried), low, high, c.low, c.high)
		}
		best := tried[int(low/weightStep+0.5)].EER
		if ends := min(tried[0].EER, tried[20].EER); !c.blind && best >= ends {
			t.Errorf("%s: together %.4f, alone %.4f", name, best, ends)
		}
	}
}

// TestFewest: pairs that every weight tells apart say nothing about weights.
func TestFewest(t *testing.T) {
	if low, high := fewest(byWeight([][2]float64{{0.9, 0.8}, {0.1, 0.2}}, []bool{true, false})); low != 0 || high != 1 {
		t.Errorf("fewest errors from %v to %v, want all weights", low, high)
	}
}
