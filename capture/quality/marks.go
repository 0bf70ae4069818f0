package quality

import (
	"math"

	"github.com/enrold/enrold/match/face"
)

// Openness is how far eyes and mouth are open, by 68 landmarks of the
// Multi-PIE mark-up.
type Openness struct {
	Eyes  float64 // height over width of the less open eye
	Mouth float64 // gap between the lips, in widths of the mouth
}

// Open measures openness; false without 68 marks.
func Open(marks []face.Point) (Openness, bool) {
	if len(marks) != face.Marks {
		return Openness{}, false
	}
	far := func(a, b int) float64 { return math.Hypot(marks[a].X-marks[b].X, marks[a].Y-marks[b].Y) }
	// Soukupová and Čech 2016: two heights over the width.
	eye := func(at int) float64 {
		return (far(at+1, at+5) + far(at+2, at+4)) / (2 * math.Max(1e-6, far(at, at+3)))
	}
	return Openness{
		Eyes:  math.Min(eye(36), eye(42)),
		Mouth: far(62, 66) / math.Max(1e-6, far(48, 54)),
	}, true
}

// marked: eyes are open from a fifth of their width on, which narrow eyes reach,
// too; teeth show from about an eighth of the mouth's width.
func marked(marks []face.Point) []Result {
	o, ok := Open(marks)
	if !ok {
		return nil
	}
	return []Result{
		{EyesOpen, ramp(o.Eyes, 0.08, 0.2), round2(o.Eyes), "ratio"},
		{MouthClosed, ramp(o.Mouth, 0.4, 0.08), round2(o.Mouth), "ratio"},
	}
}
