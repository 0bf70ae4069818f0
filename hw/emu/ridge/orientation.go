package ridge

import (
	"math"
	"math/rand/v2"
)

// Class is the Galton-Henry class of a finger.
type Class int

const (
	Arch Class = iota
	TentedArch
	LeftLoop
	RightLoop
	Whorl
)

func (c Class) String() string {
	return [...]string{"arch", "tented arch", "left loop", "right loop", "whorl"}[c]
}

// drawClass draws with the natural frequencies published by Wilson, Candela
// and Watson (1994): arch 3.7 %, tented arch 2.9 %, left loop 33.8 %, right
// loop 31.7 %, whorl 27.9 %.
func drawClass(rng *rand.Rand) Class {
	u := rng.Float64()
	for c, share := range [...]float64{0.037, 0.029, 0.338, 0.317} {
		if u < share {
			return Class(c)
		}
		u -= share
	}
	return Whorl
}

// singular is a loop core (charge +1/2) or a delta (charge -1/2) with its
// correction table: the piecewise linear map of the argument, given at eight
// equally spaced angles from -pi (Vizcaya and Gerhardt's g).
type singular struct {
	at     point
	charge float64
	bend   [8]float64 // radians added at angle -pi + k*pi/4
}

// turn is the singular point's share of the orientation at (x, y), radians.
func (s *singular) turn(x, y float64) float64 {
	a := math.Atan2(s.at.y-y, x-s.at.x) // image rows run downwards
	u := (a + math.Pi) / (math.Pi / 4)
	k := int(u)
	t := u - float64(k)
	return s.charge * (a + s.bend[k&7]*(1-t) + s.bend[(k+1)&7]*t)
}

// field is the ridge orientation of a master print.
type field struct {
	class  Class
	points []singular
	center point
	arch   float64 // bend of the ridges around the finger tip, radians at the edge
	hump   float64 // arch class: steepness of the hump
	lean   float64 // whole-finger tilt, radians
	wander *lattice
}

func newField(class Class, rng *rand.Rand) *field {
	f := &field{
		class:  class,
		center: point{masterWidth/2 + spread(rng, 10), masterHeight*0.46 + spread(rng, 12)},
		arch:   0.75 + spread(rng, 0.2),
		hump:   1.1 + spread(rng, 0.4),
		lean:   spread(rng, 0.05),
		wander: newLattice(masterWidth, masterHeight, 96, rng),
	}
	core := point{f.center.x, f.center.y - 12 + spread(rng, 10)}
	side := func(sign float64) point {
		return point{core.x + sign*(105+spread(rng, 25)), core.y + 125 + spread(rng, 30)}
	}
	switch class {
	case TentedArch:
		f.add(core, 0.5)
		f.add(point{core.x + spread(rng, 6), core.y + 90 + spread(rng, 25)}, -0.5)
	case LeftLoop: // its ridges leave to the left, its delta lies to the right
		f.add(core, 0.5)
		f.add(side(1), -0.5)
	case RightLoop:
		f.add(core, 0.5)
		f.add(side(-1), -0.5)
	case Whorl:
		gap := 12 + 30*rng.Float64()
		skew := spread(rng, 14)
		f.add(point{core.x - skew, core.y - gap/2}, 0.5)
		f.add(point{core.x + skew, core.y + gap}, 0.5)
		f.add(side(-1), -0.5)
		f.add(side(1), -0.5)
	}
	f.bendAll(rng)
	return f
}

func (f *field) add(at point, charge float64) {
	f.points = append(f.points, singular{at: at, charge: charge})
}

// bendAll draws the correction tables. Uncorrected, a core's ridges are
// confocal parabolas that fan out; on skin the legs of a loop run nearly
// parallel, so the table pulls the argument towards the loop's axis.
func (f *field) bendAll(rng *rand.Rand) {
	parallel := 0.55 + spread(rng, 0.1)
	if f.class == Whorl {
		parallel = 0.25 + spread(rng, 0.1)
	}
	axes := make([]float64, len(f.points))
	for i, s := range f.points {
		for j := range f.points {
			if j != i {
				axes[i] += 2 * f.points[j].turn(s.at.x, s.at.y)
			}
		}
	}
	for i := range f.points {
		s := &f.points[i]
		for k := range s.bend {
			s.bend[k] = spread(rng, 0.15)
			if s.charge > 0 {
				s.bend[k] -= parallel * math.Sin(-math.Pi+float64(k)*math.Pi/4-axes[i])
			}
		}
	}
}

// angle is the ridge orientation at (x, y) in radians, counter-clockwise from
// the row's direction, any multiple of pi added.
func (f *field) angle(x, y float64) float64 {
	u := (x - f.center.x) / (masterWidth / 2) // -1..1
	v := (f.center.y - y) / (masterHeight / 2)
	a := f.lean + 0.22*f.wander.at(x, y)
	if f.class == Arch {
		// Horizontal at the base, a hump in the middle, the tip above.
		rise := math.Exp(-(v - 0.05) * (v - 0.05) / 0.18)
		a -= math.Atan(f.hump * rise * math.Sin(clamp(u, -1, 1)*math.Pi))
	}
	for i := range f.points {
		a += f.points[i].turn(x, y)
	}
	// The outermost ridges follow the outline of the finger tip.
	return a - f.arch*clamp(u, -1.2, 1.2)*clamp(v+0.15, 0, 1)
}
