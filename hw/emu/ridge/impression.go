package ridge

import (
	"math"
	"math/rand/v2"
)

// placement is how the finger lay on the window: what differs between two
// impressions of one finger.
type placement struct {
	shift    point   // of the finger against the window, pixels
	rotation float64 // radians
	pull     point   // skin dragged by sliding, pixels
	twist    float64 // skin twisted, radians
	hold     point   // centre of the part that sticks to the glass, finger coordinates
	halfA    float64 // contact ellipse, pixels
	halfB    float64
	pressure float64 // -1 light or dry to +1 hard or wet
	scratch  int
}

func newPlacement(f *Finger, rng *rand.Rand) placement {
	p := placement{
		shift:    point{spread(rng, 8), spread(rng, 9)},
		rotation: spread(rng, 5*math.Pi/180),
		pull:     point{spread(rng, 4), spread(rng, 4)},
		twist:    spread(rng, 2.5*math.Pi/180),
		pressure: spread(rng, 0.4),
		scratch:  rng.IntN(4),
	}
	p.hold = point{f.center.x + spread(rng, 6), f.center.y + spread(rng, 6)}
	p.halfA = 138 + 14*p.pressure + spread(rng, 4)
	p.halfB = 168 + 16*p.pressure + spread(rng, 6)
	return p
}

// finger maps a point of the window (relative to its centre) to the finger.
func (p *placement) finger(f *Finger, x, y float64) point {
	sin, cos := math.Sincos(p.rotation)
	x, y = x-p.shift.x, y-p.shift.y
	return p.distort(point{f.center.x + x*cos - y*sin, f.center.y + x*sin + y*cos})
}

// distort is the plastic model: skin within the inner ellipse sticks to the
// glass, skin far outside follows the finger's own movement, and between them
// it stretches along a raised cosine.
func (p *placement) distort(v point) point {
	dx, dy := v.x-p.hold.x, v.y-p.hold.y
	away := math.Sqrt(dx*dx/(50*50)+dy*dy/(65*65)) - 1
	const plasticity = 2.2
	brake := 0.0
	switch {
	case away >= plasticity:
		brake = 1
	case away > 0:
		brake = 0.5 * (1 - math.Cos(math.Pi*away/plasticity))
	}
	sin, cos := math.Sincos(p.twist)
	return point{
		v.x + brake*(dx*cos-dy*sin-dx+p.pull.x),
		v.y + brake*(dx*sin+dy*cos-dy+p.pull.y),
	}
}

// contact is 1 where the skin touches the glass and falls to 0 at its edge.
func (p *placement) contact(f *Finger, v point, ragged float64) float64 {
	dx, dy := (v.x-f.center.x)/p.halfA, (v.y-f.center.y)/p.halfB
	d := math.Max(math.Sqrt(dx*dx+dy*dy), f.shape.inside(v.x, v.y)+0.02) + 0.06*ragged
	return fade(clamp((1-d)/0.06, 0, 1))
}

// Impression renders the n-th impression of the finger on the window. The way
// the finger lies depends on the seed and n only, so two scanners that are
// touched in the same way see the same skin.
func (f *Finger) Impression(n int, window Window) *Image {
	rng := random(f.seed, streamImpression+uint64(n)<<8)
	p := newPlacement(f, rng)
	w, h := window.Width, window.Height
	img := &Image{Width: w, Height: h, DPI: DPI, Pixels: make([]byte, w*h)}
	skin := newSkin(p, w, h, rng)
	ink := make([]float32, w*h)
	for y := range h {
		for x := range w {
			v := p.finger(f, float64(x)-float64(w-1)/2, float64(y)-float64(h-1)/2)
			touch := p.contact(f, v, skin.ragged.at(float64(x), float64(y)))
			if touch > 0 {
				ink[y*w+x] = float32(touch * skin.ink(f.at(v.x, v.y), x, y))
			}
		}
	}
	skin.scratch(ink, rng)
	skin.expose(ink, img.Pixels, rng)
	return img
}
