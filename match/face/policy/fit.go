package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/face"
)

// Pair is one labelled comparison of a calibration set.
type Pair struct {
	A, B  int     // numbers of the two samples, 0 upwards
	Mated bool    // both are of one person
	Score float64 // in the model's metric; NaN where a sample gave no template
	Sex   string  // of the person or persons; "" where it is not known
	Age   string  // group: "18-29"
}

// Rates are the false match rates that limits are fitted for, the strictest first.
func Rates() []float64 { return []float64{0.0001, 0.001, 0.01} }

// smallGroup is the number of pairs of one label under which a group's rates say nothing.
const smallGroup = 20

// Fit finds the limits of model m on the pairs of the named set: for each rate
// the loosest limit at which no more non-mated pairs match. failed of images
// gave no template; their pairs count as not alike.
func Fit(m face.Manifest, set string, pairs []Pair, images, failed int, made time.Time) (Calibration, error) {
	c := Calibration{
		Format: calibrationFormat, Set: set, Model: m.ID, Engine: m.Engine, Metric: m.Metric,
		Made: made.UTC().Truncate(time.Second), Images: images, Failed: failed,
	}
	if set == "" {
		return c, errors.New("fit limits: the calibration set has no name")
	}
	sign := 1.0 // evaluation takes greater as more alike
	if m.Metric == face.Euclidean {
		sign = -1
	}
	all := trial(pairs, sign)
	c.Mated, c.NonMate = len(all.Mated), len(all.NonMated)
	if c.Mated == 0 || c.NonMate == 0 {
		return c, fmt.Errorf("fit limits: %d mated and %d non-mated pairs: both are needed", c.Mated, c.NonMate)
	}
	curve := all.Curve()
	c.EER, _ = curve.EER()
	var limits []float64
	for _, rate := range Rates() {
		_, limit := curve.FNMRAt(rate)
		limits = append(limits, limit)
	}
	spread := evaluation.Resample(drawn(pairs, sign), images, limits)
	c.EERSpan = spread.EER
	for i, rate := range Rates() {
		if math.IsInf(limits[i], 0) {
			continue // even the most alike pair is not mated
		}
		c.Points = append(c.Points, Point{
			FMR: rate, Limit: sign * limits[i], Supported: evaluation.RuleOfThree(rate, c.NonMate),
			Matches: curve.Matches(limits[i]), MatchSpan: spread.FMR[i],
			NonMatch: curve.NonMatches(limits[i]), NonSpan: spread.FNMR[i],
		})
	}
	c.Groups = groups(pairs, sign, c.Points)
	return c, nil
}

func trial(pairs []Pair, sign float64) (t evaluation.Trial) {
	for _, p := range pairs {
		if p.Mated {
			t.Mated = append(t.Mated, sign*p.Score)
		} else {
			t.NonMated = append(t.NonMated, sign*p.Score)
		}
	}
	return t
}

func drawn(pairs []Pair, sign float64) []evaluation.Pair {
	out := make([]evaluation.Pair, len(pairs))
	for i, p := range pairs {
		out[i] = evaluation.Pair{Score: sign * p.Score, Mated: p.Mated, A: p.A, B: p.B}
	}
	return out
}

// groups gives each group's rates at the common limits: what is fair on average
// may be unfair to some.
func groups(pairs []Pair, sign float64, points []Point) (out []Group) {
	members := map[string][]Pair{}
	for _, p := range pairs {
		if p.Sex != "" {
			members["sex="+p.Sex] = append(members["sex="+p.Sex], p)
		}
		if p.Age != "" {
			members["age="+p.Age] = append(members["age="+p.Age], p)
		}
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t := trial(members[name], sign)
		if len(t.Mated) < smallGroup || len(t.NonMated) < smallGroup {
			continue
		}
		curve := t.Curve()
		g := Group{Name: name, Mated: len(t.Mated), NonMate: len(t.NonMated)}
		g.EER, _ = curve.EER()
		for _, p := range points {
			g.At = append(g.At, GroupRate{p.FMR, curve.Matches(sign * p.Limit), curve.NonMatches(sign * p.Limit)})
		}
		out = append(out, g)
	}
	return out
}

// Curves are the detection error trade-offs of the whole set and of its groups.
func Curves(m face.Manifest, pairs []Pair, c Calibration) []evaluation.Named {
	sign := 1.0
	if m.Metric == face.Euclidean {
		sign = -1
	}
	curves := []evaluation.Named{{Name: fmt.Sprintf("all (EER %.2f %%)", 100*c.EER), Curve: trial(pairs, sign).Curve()}}
	for _, g := range c.Groups {
		var of []Pair
		for _, p := range pairs {
			if g.Name == "sex="+p.Sex || g.Name == "age="+p.Age {
				of = append(of, p)
			}
		}
		curves = append(curves, evaluation.Named{Name: fmt.Sprintf("%s (EER %.2f %%)", g.Name, 100*g.EER), Curve: trial(of, sign).Curve()})
	}
	return curves
}
