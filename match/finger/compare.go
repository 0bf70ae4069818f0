package finger

import (
	"cmp"
	"math"
	"slices"
)

// Threshold is the score at or over which two impressions count as one finger.
//
// It aims at a false match rate (FMR, ISO/IEC 19795-1) of 1 in 10,000. Impostor
// scores of 40 synthetic fingers x 4 impressions (12,480 pairs a window): at
// 256x288 99 % are under 6.2, 99.9 % under 7.1, the highest is 7.6; at 192x192
// 5.8, 6.7 and 7.2. Ten times rarer costs about 0.8, which puts 1 in 10,000 at
// 7.9. On FVC2000 (four sets, 11,520 impostor pairs; used to choose the weights
// of the score, so no independent proof) the highest is 7.4.
const Threshold = 8.0

const (
	maxRotation  = 60 * math.Pi / 180 // between two impressions
	proposals    = 24                 // similar pairs that may propose an alignment
	pairDistance = 12.0               // pixels, near the proposing pair
	pairStretch  = 0.04               // more of it a pixel away: skin stretches
	pairTurn     = 25 * math.Pi / 180
)

// Compare returns how much speaks for two impressions being of one finger, 0
// (nothing) upwards; see Threshold. It is symmetric.
func Compare(a, b *Template) float64 {
	if a == nil || b == nil {
		return 0
	}
	if order(a, b) > 0 {
		a, b = b, a
	}
	m := newComparison(a, b)
	best := 0.0
	for _, p := range m.propose() {
		best = max(best, m.score(p))
	}
	return best
}

// order sorts templates by content, so that Compare(a, b) and Compare(b, a)
// compute the same.
func order(a, b *Template) int {
	return cmp.Or(
		cmp.Compare(len(a.Minutiae), len(b.Minutiae)),
		cmp.Compare(a.Width, b.Width),
		cmp.Compare(a.Height, b.Height),
		slices.CompareFunc(a.Minutiae, b.Minutiae, func(p, q Minutia) int {
			return cmp.Or(cmp.Compare(p.X, q.X), cmp.Compare(p.Y, q.Y), cmp.Compare(p.Angle, q.Angle))
		}),
	)
}

// pair is minutia i of a with minutia j of b.
type pair struct {
	i, j  int
	value float64
}

type comparison struct {
	a, b    []placed
	similar []float64 // len(a) x len(b): local similarity
	pairs   []pair    // room of agree
	usedA   []bool
	usedB   []bool
	sizeA   size
	sizeB   size
}

func newComparison(a, b *Template) *comparison {
	m := &comparison{a: place(a), b: place(b)}
	m.sizeA, m.sizeB = size{float64(a.Width), float64(a.Height)}, size{float64(b.Width), float64(b.Height)}
	ca, cb := cylinders(m.a), cylinders(m.b)
	m.similar = make([]float64, len(ca)*len(cb))
	for i := range ca {
		for j := range cb {
			if turn(m.a[i].angle, m.b[j].angle) <= maxRotation {
				m.similar[i*len(cb)+j] = ca[i].similarity(&cb[j])
			}
		}
	}
	m.usedA, m.usedB = make([]bool, len(ca)), make([]bool, len(cb))
	return m
}

// propose returns the pairs with the most similar neighbourhoods, best first.
func (m *comparison) propose() []pair {
	var ps []pair
	for i := range m.a {
		for j := range m.b {
			if s := m.similar[i*len(m.b)+j]; s > 0.3 {
				ps = append(ps, pair{i, j, s})
			}
		}
	}
	slices.SortStableFunc(ps, func(p, q pair) int { return cmp.Compare(q.value, p.value) })
	return ps[:min(len(ps), proposals)]
}

// motion maps a's plane to b's: a turn (counter-clockwise, y upwards), then a shift.
type motion struct {
	angle, sin, cos, dx, dy float64
}

func (t motion) apply(p placed) (x, y, angle float64) {
	return p.x*t.cos + p.y*t.sin + t.dx, p.y*t.cos - p.x*t.sin + t.dy, p.angle + t.angle
}

// back maps a point of b's plane to a's.
func (t motion) back(p placed) (x, y float64) {
	dx, dy := p.x-t.dx, p.y-t.dy
	return dx*t.cos - dy*t.sin, dy*t.cos + dx*t.sin
}

// score counts what agrees when the proposed pair is laid on itself.
func (m *comparison) score(p pair) float64 {
	a, b := m.a[p.i], m.b[p.j]
	t := motion{angle: b.angle - a.angle}
	t.sin, t.cos = math.Sincos(t.angle)
	t.dx = b.x - (a.x*t.cos + a.y*t.sin)
	t.dy = b.y - (a.y*t.cos - a.x*t.sin)
	pairs := m.agree(t, b.x, b.y)
	if len(pairs) < 3 {
		return 0
	}
	t, cx, cy := m.fit(pairs)
	pairs = m.agree(t, cx, cy)
	return m.value(pairs, t)
}

// agree pairs minutiae that fall together under t, closest first, each once.
// (cx, cy) is the point of b that t is surest of.
func (m *comparison) agree(t motion, cx, cy float64) []pair {
	all := m.pairs[:0]
	for i := range m.a {
		x, y, angle := t.apply(m.a[i])
		limit := pairDistance + pairStretch*math.Sqrt((x-cx)*(x-cx)+(y-cy)*(y-cy))
		for j := range m.b {
			dx, dy := x-m.b[j].x, y-m.b[j].y
			if dx > limit || dx < -limit || dy > limit || dy < -limit {
				continue
			}
			d := math.Sqrt(dx*dx+dy*dy) / limit
			if turned := turn(angle, m.b[j].angle) / pairTurn; d <= 1 && turned <= 1 {
				all = append(all, pair{i, j, (1 - 0.5*d) * (1 - 0.5*turned)})
			}
		}
	}
	m.pairs = all
	slices.SortStableFunc(all, func(p, q pair) int { return cmp.Compare(q.value, p.value) })
	clear(m.usedA)
	clear(m.usedB)
	kept := all[:0]
	for _, p := range all {
		if !m.usedA[p.i] && !m.usedB[p.j] {
			m.usedA[p.i], m.usedB[p.j] = true, true
			kept = append(kept, p)
		}
	}
	return kept
}

// fit is the rigid motion of least squares over the pairs, and the pairs'
// centre in b.
func (m *comparison) fit(pairs []pair) (t motion, cx, cy float64) {
	n := float64(len(pairs))
	var ax, ay float64
	for _, p := range pairs {
		ax, ay = ax+m.a[p.i].x/n, ay+m.a[p.i].y/n
		cx, cy = cx+m.b[p.j].x/n, cy+m.b[p.j].y/n
	}
	var dot, cross float64
	for _, p := range pairs {
		ux, uy := m.a[p.i].x-ax, m.a[p.i].y-ay
		vx, vy := m.b[p.j].x-cx, m.b[p.j].y-cy
		dot += ux*vx + uy*vy
		cross += uy*vx - ux*vy
	}
	t.angle = math.Atan2(cross, dot)
	t.sin, t.cos = math.Sincos(t.angle)
	t.dx = cx - (ax*t.cos + ay*t.sin)
	t.dy = cy - (ay*t.cos - ax*t.sin)
	return t, cx, cy
}

// value weighs the pairs against the minutiae that could have been paired:
// those that lie within both images. The constants make impostor scores of
// small and large, poor and rich templates alike, so that one threshold serves
// all (fitted on FVC2000 and synthetic fingers, see Threshold).
func (m *comparison) value(pairs []pair, t motion) float64 {
	if math.Abs(math.Remainder(t.angle, 2*math.Pi)) > maxRotation {
		return 0
	}
	var sum float64
	for _, p := range pairs {
		sum += p.value * (0.3 + m.similar[p.i*len(m.b)+p.j])
	}
	const few, power = 8, 0.35
	sharedA, sharedB := m.shared(t)
	return 10 * sum / math.Pow(float64((sharedA+few)*(sharedB+few)), power)
}

// shared counts the minutiae of each template that lie on the other's image.
func (m *comparison) shared(t motion) (fromA, fromB int) {
	for _, p := range m.a {
		if x, y, _ := t.apply(p); m.sizeB.holds(x, y) {
			fromA++
		}
	}
	for _, p := range m.b {
		if m.sizeA.holds(t.back(p)) {
			fromB++
		}
	}
	return fromA, fromB
}

// size of an image in pixels; it holds the points at which it may show a minutia.
type size struct{ w, h float64 }

func (s size) holds(x, y float64) bool {
	return x >= borderMargin && y >= borderMargin && x < s.w-borderMargin && y < s.h-borderMargin
}
