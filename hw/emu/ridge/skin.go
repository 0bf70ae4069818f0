package ridge

import (
	"math"
	"math/rand/v2"
)

// skin is the state of the surface in one impression: how thick ridges print
// and where they break.
type skin struct {
	width, height int
	bias          float64 // thickens (wet) or thins (dry) ridges
	gap           float64 // strength of the fine noise that breaks ridges
	ragged        *lattice
	damp          *lattice
	speckle       *lattice
	grain         *lattice
	paper, dark   float64
	scratches     int
}

func newSkin(p placement, width, height int, rng *rand.Rand) *skin {
	return &skin{
		width: width, height: height,
		bias:      0.08 + 0.35*p.pressure,
		gap:       0.45 - 0.2*p.pressure,
		ragged:    newLattice(width, height, 14, rng),
		damp:      newLattice(width, height, 40, rng),
		speckle:   newLattice(width, height, 3.1, rng),
		grain:     newLattice(width, height, 7, rng),
		paper:     238 + spread(rng, 6),
		dark:      45 + spread(rng, 12) - 15*p.pressure,
		scratches: p.scratch,
	}
}

// ink is how dark the pixel prints, 0..1, for ridge height v (-1..1).
func (s *skin) ink(v float64, x, y int) float64 {
	fx, fy := float64(x), float64(y)
	t := v + s.bias + 0.3*s.damp.at(fx, fy) + s.gap*(0.7*s.speckle.at(fx, fy)+0.5*s.grain.at(fx, fy))
	return 1 / (1 + math.Exp(-4.5*t))
}

// scratch draws thin lines where nothing prints: creases and small cuts.
func (s *skin) scratch(ink []float32, rng *rand.Rand) {
	for range s.scratches {
		x, y := rng.Float64()*float64(s.width), rng.Float64()*float64(s.height)
		angle := rng.Float64() * math.Pi
		bend := spread(rng, 0.01)
		half := 0.6 + 0.8*rng.Float64()
		for range 30 + rng.IntN(60) {
			s.dab(ink, x, y, half)
			x, y = x+math.Cos(angle), y+math.Sin(angle)
			angle += bend
		}
	}
}

func (s *skin) dab(ink []float32, x, y, half float64) {
	for iy := int(y - half - 1); iy <= int(y+half+1); iy++ {
		for ix := int(x - half - 1); ix <= int(x+half+1); ix++ {
			if ix < 0 || iy < 0 || ix >= s.width || iy >= s.height {
				continue
			}
			d := math.Hypot(float64(ix)-x, float64(iy)-y)
			ink[iy*s.width+ix] *= float32(clamp(d-half+0.5, 0.15, 1))
		}
	}
}

// expose turns ink to grey: the sensor's small blur, then its noise.
func (s *skin) expose(ink []float32, out []byte, rng *rand.Rand) {
	w, h := s.width, s.height
	for y := range h {
		up, down := max(y-1, 0)*w, min(y+1, h-1)*w
		for x := range w {
			l, r := max(x-1, 0), min(x+1, w-1)
			v := 4*ink[y*w+x] + 2*(ink[y*w+l]+ink[y*w+r]+ink[up+x]+ink[down+x]) +
				ink[up+l] + ink[up+r] + ink[down+l] + ink[down+r]
			g := s.paper - (s.paper-s.dark)*float64(v)/16
			g += 9 * (rng.Float64() + rng.Float64() - 1)
			out[y*w+x] = byte(clamp(g+0.5, 0, 255))
		}
	}
}
