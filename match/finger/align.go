package finger

import (
	"math/bits"
	"slices"

	"github.com/enrold/enrold/match/finger/near"
)

const (
	pairDistance = 12.0 // pixels, near what is already paired
	pairStretch  = 0.04 // more of it a pixel away: skin stretches
	nearDistance = 9.0  // once the stretching is known
	nearStretch  = 0.02
	pairTurn     = 18 // of 256 units
	stretchReach = 60.0
)

// motion maps a's plane to b's: a turn, counter-clockwise as seen, then a shift.
type motion struct {
	sin, cos, dx, dy float32
}

func (t motion) apply(x, y float32) (float32, float32) {
	return x*t.cos + y*t.sin + t.dx, y*t.cos - x*t.sin + t.dy
}

// back maps a point of b's plane to a's.
func (t motion) back(x, y float32) (float32, float32) {
	x, y = x-t.dx, y-t.dy
	return x*t.cos - y*t.sin, y*t.cos + x*t.sin
}

// onto lays one minutia on another.
func onto(a, b placed) motion {
	turned := b.angle - a.angle
	t := motion{sin: sines[turned], cos: sines[turned+64]}
	x, y := t.apply(a.x, a.y)
	t.dx, t.dy = b.x-x, b.y-y
	return t
}

// fit is the rigid motion of least squares over the pairs, weighed by value,
// and their centre in b. A single pair is laid on itself.
func (m *Matcher) fit(pairs []pair) (t motion, cx, cy float32) {
	if len(pairs) == 1 {
		b := m.b.minutiae[pairs[0].j]
		return onto(m.a.minutiae[pairs[0].i], b), b.x, b.y
	}
	var ax, ay, all float32
	for _, p := range pairs {
		a, b := &m.a.minutiae[p.i], &m.b.minutiae[p.j]
		ax, ay = ax+a.x*p.value, ay+a.y*p.value
		cx, cy = cx+b.x*p.value, cy+b.y*p.value
		all += p.value
	}
	ax, ay, cx, cy = ax/all, ay/all, cx/all, cy/all
	var dot, cross float32
	for _, p := range pairs {
		a, b := &m.a.minutiae[p.i], &m.b.minutiae[p.j]
		ux, uy, vx, vy := a.x-ax, a.y-ay, b.x-cx, b.y-cy
		dot += (ux*vx + uy*vy) * p.value
		cross += (uy*vx - ux*vy) * p.value
		// A minutia's direction is worth an arm of some pixels, which steadies
		// the turn where the pairs lie close together.
		const arm2 = 12 * 12
		dot += arm2 * p.value * (a.cos*b.cos + a.sin*b.sin)
		cross += arm2 * p.value * (b.sin*a.cos - b.cos*a.sin)
	}
	length := root(dot*dot + cross*cross)
	if length == 0 {
		return onto(m.a.minutiae[pairs[0].i], m.b.minutiae[pairs[0].j]), cx, cy
	}
	t.cos, t.sin = dot/length, cross/length
	t.dx = cx - (ax*t.cos + ay*t.sin)
	t.dy = cy - (ay*t.cos - ax*t.sin)
	return t, cx, cy
}

// agree pairs minutiae that fall together, closest first, each once. The first
// two lines of m.moved are a's minutiae in b's plane, (cx, cy) the point of b
// that the motion is surest of.
func (m *Matcher) agree(t motion, cx, cy, distance, stretch float32) []pair {
	all := m.close[:0]
	rows, n := &m.moved, len(m.a.minutiae)
	for i := range n {
		a := &m.a.minutiae[i]
		x, y := rows[0][i], rows[1][i]
		m.limits[i] = distance + stretch*root((x-cx)*(x-cx)+(y-cy)*(y-cy))
		rows[2][i] = m.limits[i] * m.limits[i]
		rows[3][i], rows[4][i] = a.cos*t.cos-a.sin*t.sin, a.sin*t.cos+a.cos*t.sin
	}
	words := (len(m.b.columns.X) + 63) / 64
	m.kernels.Together(m.masks[:], words, rows, n, &m.b.columns, 1-turnLimit-1e-3)
	for i := range n {
		x, y, limit, cos, sin := rows[0][i], rows[1][i], m.limits[i], rows[3][i], rows[4][i]
		for k, mask := range m.masks[i*words:][:words] {
			for ; mask != 0; mask &= mask - 1 {
				j := k*64 + bits.TrailingZeros64(mask)
				b := &m.b.minutiae[j]
				// 1-cos of the turn between them is about half of its square.
				turned := max(0, 1-(cos*b.cos+sin*b.sin))
				if turned > turnLimit {
					continue
				}
				off := root((x-b.x)*(x-b.x) + (y-b.y)*(y-b.y))
				value := (1 - 0.5*off/limit) * (1 - 0.5*root(turned/turnLimit))
				all = append(all, keyOf(max(0, 1-value), uint16(i), uint16(j)))
			}
		}
	}
	m.close = all
	slices.Sort(all)
	clear(m.usedA[:])
	clear(m.usedB[:])
	kept := m.agreed[:0]
	for _, k := range all {
		p := k.pair()
		if !m.usedA[p.i] && !m.usedB[p.j] {
			m.usedA[p.i], m.usedB[p.j] = true, true
			p.value = 1 - p.value
			kept = append(kept, p)
		}
	}
	m.agreed = kept
	return kept
}

var turnLimit = 1 - sines[64+pairTurn]

// move lays a's minutiae into b's plane by the motion alone.
func (m *Matcher) move(t motion) {
	for i := range m.a.minutiae {
		m.moved[0][i], m.moved[1][i] = t.apply(m.a.minutiae[i].x, m.a.minutiae[i].y)
	}
}

// pull notes what the motion leaves between paired minutiae: each pair's say in
// how skin is stretched around it, in b's plane.
func (m *Matcher) pull(t motion, pairs []pair) {
	m.pulls = m.pulls[:0]
	for _, p := range pairs {
		b := &m.b.minutiae[p.j]
		x, y := t.apply(m.a.minutiae[p.i].x, m.a.minutiae[p.i].y)
		m.pulls = append(m.pulls, near.Pull{X: x, Y: y, DX: b.x - x, DY: b.y - y, Weight: p.value, Of: int32(p.i)})
	}
}

// pullScale makes a pull at stretchReach count for a quarter.
const pullScale = 1 / (stretchReach * stretchReach)
