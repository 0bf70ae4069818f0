package cylinder

import "math"

// The likeness of two sets is the mean similarity of the best quarter of the
// smaller one's cylinders, fewest to most of them (n_P of the paper's §4.1).
// Between four and twelve, the number changes how many mates survive by less
// than a percent.
const (
	fewest = 4
	most   = 12
)

// steps in which ratios are counted.
const steps = 256

// worth of a ratio's step, as a similarity in 1/4096.
var worth = func() (w [steps]uint32) {
	for q := range w {
		w[q] = uint32(math.Round(4096 * float64(Similarity((float32(q)+0.5)/steps))))
	}
	return w
}()

// Likeness of two sets, the smaller of size cylinders, from the lowest ratios of
// the cylinders of one: 0 (nothing alike) to 4096, local similarity sort of the
// paper's §4.1. The sum of the best is taken from a count of the ratios by steps,
// not from a sort.
func Likeness(lowest []float32, size int) uint16 {
	var counts [steps]uint16
	for _, ratio := range lowest {
		q := uint32(int32(ratio * steps))
		if q < steps { // 2 where nothing is comparable
			counts[q]++
		}
	}
	n := uint32(min(max(fewest, size/4), most))
	left, sum := n, uint32(0)
	for q, c := range counts {
		if c == 0 {
			continue
		}
		take := min(uint32(c), left)
		sum += take * worth[q]
		if left -= take; left == 0 {
			break
		}
	}
	return uint16(sum / n)
}
