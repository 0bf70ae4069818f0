package search

import "github.com/enrold/enrold/match/finger/cylinder"

// turn is the most that directions of comparable minutiae differ by, of 256
// units: 62 degrees, as in the second stage.
const turn = 44

// ranker computes first-stage scores; one goroutine at a time may use it.
type ranker struct {
	probe  *cylinder.Probe
	size   int // cylinders of the probe
	lowest []float32
}

// score is the likeness of the probe and s: 0 (nothing alike) to 4096.
func (r *ranker) score(s *cylinder.Set) uint16 {
	r.lowest = r.probe.Nearest(r.lowest, s)
	return cylinder.Likeness(r.lowest, min(r.size, s.Len()))
}
