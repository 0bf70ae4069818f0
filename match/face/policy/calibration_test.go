package policy

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// population draws scores: mated about 0.7, non-mated about 0.1; group F's
// non-mated pairs are more alike, as they are on real sets.
func population(images int, euclidean bool) (pairs []Pair) {
	random := rand.New(rand.NewPCG(3, 4))
	for a := range images {
		for b := range a {
			p := Pair{A: a, B: b, Mated: a/2 == b/2, Sex: []string{"F", "M"}[a%4/2], Age: "18-29"}
			p.Score = 0.1 + 0.12*random.NormFloat64()
			switch {
			case p.Mated:
				p.Score = 0.7 + 0.1*random.NormFloat64()
			case p.Sex == "F":
				p.Score += 0.08
			}
			if euclidean {
				p.Score = 1 - p.Score
			}
			pairs = append(pairs, p)
		}
	}
	return pairs
}

func fit(t *testing.T, m face.Manifest, pairs []Pair, images int) Calibration {
	t.Helper()
	c, err := Fit(m, "commune 1", pairs, images, 0, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFitKeepsItsRates(t *testing.T) {
	for _, euclidean := range []bool{false, true} {
		m := model()
		if euclidean {
			m.Metric = face.Euclidean
		}
		const images = 160 // 12,640 non-mated pairs
		pairs := population(images, euclidean)
		c := fit(t, m, pairs, images)
		if len(c.Points) != 3 || c.Mated != 80 || c.NonMate != images*(images-1)/2-80 {
			t.Fatalf("%d points, %d mated, %d non-mated", len(c.Points), c.Mated, c.NonMate)
		}
		for _, p := range c.Points {
			matches := 0 // counted again, by hand
			for _, x := range pairs {
				if !x.Mated && (euclidean && x.Score <= p.Limit || !euclidean && x.Score >= p.Limit) {
					matches++
				}
			}
			if matches != p.Matches.Errors || p.Matches.Value > p.FMR {
				t.Errorf("FMR %g: %d non-mated pairs match, %v said", p.FMR, matches, p.Matches)
			}
			if want := p.FMR*float64(c.NonMate) >= 3; p.Supported != want {
				t.Errorf("FMR %g supported by %d pairs: %t", p.FMR, c.NonMate, p.Supported)
			}
		}
		if len(c.Groups) != 3 {
			t.Fatalf("groups %+v", c.Groups)
		}
		f, mm := c.Groups[1], c.Groups[2]
		if f.Name != "sex=F" || mm.Name != "sex=M" || f.At[2].Matches.Value <= mm.At[2].Matches.Value {
			t.Errorf("the group that is mistaken more often is not seen: %+v %+v", f.At[2], mm.At[2])
		}
		if curves := Curves(m, pairs, c); len(curves) != 4 {
			t.Errorf("%d curves", len(curves))
		}
	}
}

func TestCalibrationTravelsAndDecides(t *testing.T) {
	m := model(func(m *face.Manifest) { m.Thresholds, m.Decides = nil, false })
	c := fit(t, m, population(160, false), 160)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadCalibration(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	m, err = read.Apply(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Thresholds) != 2 { // 0.0001 has too few pairs
		t.Fatalf("thresholds %+v", m.Thresholds)
	}
	d, err := Policy{FMR: 0.001}.Decide(m, portrait, frames(80, at(0.95)))
	if err != nil || d.Outcome != eid.FaceMatch || d.CalibrationSet != "commune 1" || d.FMR != 0.001 || !(d.Review < d.Threshold) {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := read.Apply(model(func(m *face.Manifest) { m.ID = "other" })); eid.CodeOf(err) != eid.CodeCalibration {
		t.Errorf("limits of another model: %v", err)
	}
}

func TestFitCountsFailuresAsNotAlike(t *testing.T) {
	pairs := population(60, false)
	for i := range pairs {
		if pairs[i].A == 7 || pairs[i].B == 7 {
			pairs[i].Score = math.NaN()
		}
	}
	c, err := Fit(model(), "s", pairs, 60, 1, time.Now())
	if err != nil || c.Failed != 1 || c.Points[0].NonMatch.Errors < 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
}

func TestFitRefuses(t *testing.T) {
	if _, err := Fit(model(), "s", []Pair{{Mated: true, B: 1, Score: 1}}, 2, 0, time.Now()); err == nil {
		t.Error("no non-mated pair")
	}
	if _, err := Fit(model(), "", population(10, false), 10, 0, time.Now()); err == nil {
		t.Error("a set without a name")
	}
}

func TestReadCalibrationRefuses(t *testing.T) {
	good := `{"format":1,"calibration_set":"s","model":"m","metric":"cosine","non_mated_pairs":5000,"points":[{"fmr":0.001,"limit":0.5,"supported":true}]}`
	if _, err := ReadCalibration(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":          "",
		"cut":            good[:40],
		"format":         strings.Replace(good, `"format":1`, `"format":2`, 1),
		"no set":         strings.Replace(good, `"s"`, `""`, 1),
		"metric":         strings.Replace(good, "cosine", "votes", 1),
		"unsupported":    strings.Replace(good, "5000", "50", 1), // somebody set the word by hand
		"nothing usable": strings.Replace(good, "true", "false", 1),
		"rate":           strings.Replace(good, "0.001", "2", 1),
		"large":          good + strings.Repeat(" ", maxCalibration),
	} {
		if _, err := ReadCalibration(strings.NewReader(text)); eid.CodeOf(err) != eid.CodeCalibration {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadCalibration(f *testing.F) {
	f.Add([]byte(`{"format":1,"calibration_set":"s","model":"plane","metric":"cosine","non_mated_pairs":5000,"points":[{"fmr":0.001,"limit":0.5,"supported":true}]}`))
	f.Add([]byte(`{"points":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadCalibration(bytes.NewReader(data))
		if err != nil {
			return
		}
		m, err := c.Apply(model())
		if err != nil {
			return
		}
		for _, x := range m.Thresholds {
			if !(x.FMR > 0) || math.IsNaN(x.Accept) {
				t.Errorf("threshold %+v was let in", x)
			}
		}
	})
}
