package ridge

import (
	"math"
	"math/rand/v2"
)

// periods is the distance between ridges over the master print, pixels.
type periods struct {
	base   float64
	field  *field
	wander *lattice
}

// Ridge periods at 500 dpi run from about 7 to 12 pixels in adults.
const (
	shortestPeriod = 7.0
	longestPeriod  = 12.0
)

func newPeriods(f *field, rng *rand.Rand) *periods {
	return &periods{
		base:   8.9 + spread(rng, 0.5),
		field:  f,
		wander: newLattice(masterWidth, masterHeight, 80, rng),
	}
}

// at is the ridge period at (x, y): wider below the core, as on real fingers,
// and wandering slowly.
func (p *periods) at(x, y float64) float64 {
	below := clamp((y-p.field.center.y)/(masterHeight/2), -0.5, 1)
	return clamp(p.base*(1+0.10*below+0.10*p.wander.at(x, y)), shortestPeriod, longestPeriod)
}

// shape is the silhouette of the finger's pad: half an ellipse for the tip
// above a half of another for the base.
type shape struct {
	cx, cy                float64
	halfWidth, tip, lower float64
}

func newShape(rng *rand.Rand) shape {
	return shape{
		cx: masterWidth / 2, cy: masterHeight * 0.46,
		halfWidth: masterWidth/2 - 8 - 6*rng.Float64(),
		tip:       masterHeight*0.46 - 6 - 10*rng.Float64(),
		lower:     masterHeight*0.54 + 40,
	}
}

// inside is under 1 within the silhouette and grows outwards.
func (s shape) inside(x, y float64) float64 {
	dx := (x - s.cx) / s.halfWidth
	dy := (y - s.cy) / s.tip
	if y > s.cy {
		dy = (y - s.cy) / s.lower
	}
	return math.Sqrt(dx*dx + dy*dy)
}
