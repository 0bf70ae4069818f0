package evaluation

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

// TestByHand holds tables computed on paper.
func TestByHand(t *testing.T) {
	for _, c := range []struct {
		name                string
		trial               Trial
		eer, at             float64
		fmr20, zero, zeroAt float64
		atThree, fmrAtThree float64 // FNMR and FMR at threshold 3
	}{
		{
			// t:    1     2     3     4    5    6   +Inf
			// FMR:  1    4/5   3/5   1/5   0    0    0
			// FNMR: 0     0    1/4   1/4  2/4  3/4   1
			// Last FNMR <= FMR is t=3 (1/4, 3/5: sum .85), first FNMR >= FMR t=4
			// (1/4, 1/5: sum .45): EER (1/4+1/5)/2 at 4.
			"overlap",
			Trial{Mated: []float64{2, 4, 5, 6}, NonMated: []float64{1, 2, 3, 3, 4}},
			0.225, 4, 0.25, 0.5, 5, 0.25, 0.6,
		},
		{
			// Nothing overlaps: at 5 both rates are 0.
			"apart",
			Trial{Mated: []float64{5, 6, 7}, NonMated: []float64{1, 2, 4}},
			0, 5, 0, 0, 5, 0, 1.0 / 3,
		},
		{
			// All alike: accept all (FMR 1, FNMR 0) or nothing (0, 1).
			"blind",
			Trial{Mated: []float64{3, 3}, NonMated: []float64{3, 3}},
			0.5, 3, 1, 1, math.Inf(1), 0, 1,
		},
		{
			// A failed extraction scores 0 in both; t=0 accepts all.
			// t: 0: FMR 1, FNMR 0; 4: FMR 0, FNMR 1/2.
			"failure",
			Trial{Mated: []float64{0, 4}, NonMated: []float64{0, 0}},
			0.25, 4, 0.5, 0.5, 4, 0.5, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			curve := c.trial.Curve()
			if rate, at := curve.EER(); !near(rate, c.eer) || at != c.at {
				t.Errorf("EER %v at %v, want %v at %v", rate, at, c.eer, c.at)
			}
			if got, _ := curve.FNMRAt(0.2); !near(got, c.fmr20) {
				t.Errorf("FNMR at FMR 20%% %v, want %v", got, c.fmr20)
			}
			if got, at := curve.FNMRAt(0); !near(got, c.zero) || at != c.zeroAt {
				t.Errorf("ZeroFMR %v at %v, want %v at %v", got, at, c.zero, c.zeroAt)
			}
			if n, m := curve.FNMR(3), curve.FMR(3); !near(n, c.atThree) || !near(m, c.fmrAtThree) {
				t.Errorf("at threshold 3 FNMR %v FMR %v, want %v %v", n, m, c.atThree, c.fmrAtThree)
			}
		})
	}
}

func TestDET(t *testing.T) {
	got := Trial{Mated: []float64{2, 4}, NonMated: []float64{1, 2}}.Curve().DET()
	want := []Point{{1, 1, 0}, {2, 0.5, 0}, {4, 0, 0.5}, {math.Inf(1), 0, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("DET %v, want %v", got, want)
	}
	if got := (Trial{}).Curve().DET(); got != nil {
		t.Errorf("DET of nothing is %v", got)
	}
	// NaN is a score that no threshold accepts but the first.
	nan := Trial{Mated: []float64{math.NaN(), 4}, NonMated: []float64{1}}.Curve()
	if n := len(nan.DET()); n != 4 {
		t.Errorf("%d points with a NaN, want 4", n)
	}
	if rate, _ := nan.FNMRAt(0); rate != 0.5 {
		t.Errorf("ZeroFMR with a NaN %v, want 0.5", rate)
	}
}

func TestErrorVersusReject(t *testing.T) {
	got := ErrorVersusReject([]Mated{{9, 80}, {1, 10}, {9, 10}, {1, 50}}, 5)
	want := []RejectPoint{{0, 10, 0.5}, {0.5, 50, 0.5}, {0.75, 80, 0}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFTA(t *testing.T) {
	if got := (Acquisition{Samples: 8, Failed: 2}).FTA(); got != 0.25 {
		t.Errorf("FTA %v, want 0.25", got)
	}
	if got := (Acquisition{}).FTA(); got != 0 {
		t.Errorf("FTA of nothing %v", got)
	}
}

func TestPlotIsXML(t *testing.T) {
	var b strings.Builder
	c := Trial{Mated: []float64{2, 4}, NonMated: []float64{1, 2}}.Curve()
	if err := PlotDET(&b, "a < b", []Named{{"one & two", c}}); err != nil {
		t.Fatal(err)
	}
	texts := ""
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if chars, ok := token.(xml.CharData); ok {
			texts += string(chars)
		}
	}
	if !strings.Contains(texts, "a < b") || !strings.Contains(texts, "one & two") {
		t.Errorf("texts %q lack the names", texts)
	}
	// FMR 1 and FNMR 0 (drawn at 0.01 %) start at the lower right corner.
	if !strings.Contains(b.String(), `d="M540 540H`) {
		t.Error("the curve does not start where all is accepted")
	}
}
