package evaluation

import (
	"cmp"
	"slices"
)

// Mated is one genuine comparison with the quality of its samples, the lower
// of the two.
type Mated struct{ Score, Quality float64 }

// RejectPoint is the FNMR that is left when the share Rejected of lowest
// quality is left out.
type RejectPoint struct{ Rejected, Quality, FNMR float64 }

// ErrorVersusReject is the curve of Grother and Tabassi ("Performance of
// Biometric Quality Measures", PAMI 29(4), 2007): comparisons are left out from
// the lowest quality on, those of one quality together, and FNMR is taken at a
// threshold that stays. A quality that predicts errors makes it fall.
func ErrorVersusReject(mated []Mated, threshold float64) []RejectPoint {
	sorted := slices.Clone(mated)
	slices.SortFunc(sorted, func(a, b Mated) int { return cmp.Compare(a.Quality, b.Quality) })
	wrong := 0
	for _, m := range sorted {
		if m.Score < threshold {
			wrong++
		}
	}
	var points []RejectPoint
	for k := 0; k < len(sorted); {
		q := sorted[k].Quality
		points = append(points, RejectPoint{share(k, len(sorted)), q, share(wrong, len(sorted)-k)})
		for ; k < len(sorted) && sorted[k].Quality <= q; k++ {
			if sorted[k].Score < threshold {
				wrong--
			}
		}
	}
	return points
}
