package faces

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/manifest"
)

// weightStep is the grid on which a fusion's weights are tried.
const weightStep = 0.05

// weighted is the equal error rate of a fusion whose first model has the weight.
type weighted struct {
	First float64 `json:"weight_of_first"` // 0..1; the second has the rest
	EER   float64 `json:"eer"`             // 0..1
}

// weights tries every weight of a fusion of two on the described pairs, and says
// which makes the fewest errors. The templates hold the parts one after the other,
// each of the length of its weight's root (see face.Fusion), so nothing is
// described again.
func (r *benchRun) weights(m face.Manifest, out io.Writer, asJSON bool) error {
	if len(m.Parts) != 2 {
		return errors.New("weights: the engine is no fusion of two models")
	}
	all, err := manifest.All()
	if err != nil {
		return err
	}
	first, err := manifest.Find(all, m.Parts[0].ID)
	if err != nil {
		return err
	}
	var scores [][2]float64
	var mated []bool
	for _, t := range r.set.trials {
		a, b := r.templates[r.set.groups[t.a][0]], r.templates[r.set.groups[t.b][0]]
		if a == nil || b == nil {
			continue // no weight changes a failure to acquire
		}
		n := first.Dimension
		scores = append(scores, [2]float64{
			dot(a.Values[:n], b.Values[:n]) / m.Parts[0].Weight, dot(a.Values[n:], b.Values[n:]) / m.Parts[1].Weight,
		})
		mated = append(mated, t.mated)
	}
	tried := byWeight(scores, mated)
	if asJSON {
		return json.NewEncoder(out).Encode(tried)
	}
	for _, w := range tried {
		fmt.Fprintf(out, "%.2f of %s: EER %.2f %%\n", w.First, first.ID, 100*w.EER)
	}
	low, high := fewest(tried)
	_, err = fmt.Fprintf(out, "fewest errors from %.2f to %.2f; the manifest has %.2f (docs/MODELS.md says how to change it)\n", low, high, m.Parts[0].Weight)
	return err
}

// byWeight is the equal error rate of each weighted sum of two cosines.
func byWeight(scores [][2]float64, mated []bool) (tried []weighted) {
	for k := range int(1/weightStep) + 1 {
		w := weighted{First: math.Round(float64(k)*weightStep*100) / 100}
		var trial evaluation.Trial
		for i, s := range scores {
			sum := w.First*s[0] + (1-w.First)*s[1]
			if mated[i] {
				trial.Mated = append(trial.Mated, sum)
			} else {
				trial.NonMated = append(trial.NonMated, sum)
			}
		}
		w.EER, _ = trial.Curve().EER()
		tried = append(tried, w)
	}
	return tried
}

// fewest returns the lowest and the highest weight with the lowest rate: a set that
// is too easy or too small does not tell weights apart.
func fewest(tried []weighted) (low, high float64) {
	best := math.Inf(1)
	for _, w := range tried {
		if w.EER < best {
			best, low = w.EER, w.First
		}
		if w.EER == best {
			high = w.First
		}
	}
	return low, high
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
