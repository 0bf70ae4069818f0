package prints

import (
	"fmt"
	"io"
	"slices"

	"github.com/enrold/enrold/match/evaluation"
)

// rejectFigure is a point of the error-versus-reject curve.
type rejectFigure struct {
	Rejected float64 `json:"rejected"` // share of the genuine pairs left out, those of lowest quality
	FNMR     float64 `json:"fnmr"`     // of the others
}

// rejectFrom is the FNMR at which the curve begins: that of the threshold that
// refuses every tenth genuine pair (Grother and Tabassi 2007, section 5).
const rejectFrom = 0.1

// errorVersusReject samples the curve over all sets together. A quality that
// says nothing would leave rejectFrom where it is; one that knows the errors
// would take it to nought at a rejection of rejectFrom.
func errorVersusReject(mated []evaluation.Mated) []rejectFigure {
	if len(mated) == 0 {
		return nil
	}
	scores := make([]float64, len(mated))
	for i, m := range mated {
		scores[i] = m.Score
	}
	slices.Sort(scores)
	points := evaluation.ErrorVersusReject(mated, scores[int(rejectFrom*float64(len(scores)))])
	var out []rejectFigure
	for _, at := range []float64{0, 0.05, 0.1, 0.2, 0.3, 0.4} {
		// Pairs of one quality go together: the first point that rejects so many.
		for _, p := range points {
			if p.Rejected >= at {
				out = append(out, rejectFigure{p.Rejected, p.FNMR})
				break
			}
		}
	}
	return out
}

func printReject(w io.Writer, figures []rejectFigure) {
	fmt.Fprint(w, "error versus reject, all sets (share of genuine pairs of lowest quality left out: FNMR of the others):")
	for _, f := range figures {
		fmt.Fprintf(w, " %.0f %%: %.2f %%;", 100*f.Rejected, 100*f.FNMR)
	}
	fmt.Fprintln(w)
}
