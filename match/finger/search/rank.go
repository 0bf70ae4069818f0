package search

import (
	"math"

	"github.com/enrold/enrold/match/finger/cylinder"
)

// The first stage's score is the mean similarity of the best quarter of the
// cylinders, fewest to most of them (n_P of §4.1). Between four and twelve, the
// number changes how many mates survive by less than a percent.
const (
	fewest = 4
	most   = 12
)

// turn is the most that directions of comparable minutiae differ by, of 256
// units: 62 degrees, as in the second stage.
const turn = 44

// steps in which ratios are counted.
const steps = 256

// worth of a ratio's step, as a similarity in 1/4096.
var worth = func() (w [steps]uint32) {
	for q := range w {
		w[q] = uint32(math.Round(4096 * float64(cylinder.Similarity((float32(q)+0.5)/steps))))
	}
	return w
}()

// ranker computes first-stage scores; one goroutine at a time may use it.
type ranker struct {
	probe  *cylinder.Probe
	size   int // cylinders of the probe
	lowest []float32
}

// score is 0 (nothing alike) to 4096. The sum of the best is taken from a count
// of the ratios by steps, not from a sort.
func (r *ranker) score(s *cylinder.Set) uint16 {
	r.lowest = r.probe.Nearest(r.lowest, s)
	var counts [steps]uint8
	for _, ratio := range r.lowest {
		q := uint32(int32(ratio * steps))
		if q < steps { // 2 where nothing is comparable
			counts[q]++
		}
	}
	n := uint32(min(max(fewest, min(r.size, s.Len())/4), most))
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
