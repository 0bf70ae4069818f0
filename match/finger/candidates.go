package finger

import (
	"math"
	"math/bits"
	"slices"

	"github.com/enrold/enrold/match/finger/cylinder"
	"github.com/enrold/enrold/match/finger/near"
	"github.com/enrold/enrold/match/simd"
)

// maxTurn between two impressions, in 256 units a turn: 62 degrees.
const maxTurn = 44

// pair is minutia i of a with minutia j of b.
type pair struct {
	i, j  int
	value float32
}

const (
	maxCandidates = 48   // most similar pairs that are looked at
	firstLook     = 16   // the best of them, which decide whether a closer look is worth it
	leastSimilar  = 0.42 // cylinders of unlike places have about 0.3
	// Likeness that is worth a look, and what every five cylinders of the smaller
	// print add to it: of many some are alike by chance. Under it are 31 to 63 % of
	// FVC2000's impostor pairs and no genuine pair that scores 10.
	leastLikeness  = 1870
	likenessGrowth = 7
)

// choose fills m.keys with the most similar pairs, the firstLook best in order
// and first, the others in none; with none where the prints have too little in
// common to be worth a look. A probe serves either side, so that one
// template is made ready once for many comparisons.
func (m *Matcher) choose() {
	if m.probe == nil {
		level, _ := simd.Current() // a wrong name gives a level that is right, if slow
		m.probe = cylinder.NewProbe(level, maxTurn)
		m.kernels = near.Of(level)
	}
	if m.loaded != m.a && m.loaded != m.b {
		m.probe.Load(m.a.set)
		m.loaded = m.a
	}
	other := m.b
	if m.loaded == m.b {
		other = m.a
	}
	m.probe.Compare(other.set)
	m.keys = m.keys[:0]
	if 5*int(m.probe.Likeness()) < 5*leastLikeness+likenessGrowth*min(m.a.set.Len(), m.b.set.Len()) {
		return
	}
	m.closest = m.probe.Closest(m.closest[:0], maxCandidates, cylinder.Ratio(leastSimilar))
	for _, c := range m.closest {
		i, j := c.Column, c.Row
		if m.loaded == m.b {
			i, j = j, i
		}
		m.keys = append(m.keys, keyOf(c.Ratio, i, j))
	}
	if len(m.keys) > maxCandidates { // all alike
		slices.Sort(m.keys)
		m.keys = m.keys[:maxCandidates]
	}
	first := min(firstLook, len(m.keys))
	slices.Sort(m.keys[:first])
	for x := first; x < len(m.keys); x++ {
		k := m.keys[x]
		if k >= m.keys[first-1] {
			continue
		}
		m.keys[x] = m.keys[first-1]
		y := first - 1
		for ; y > 0 && k < m.keys[y-1]; y-- {
			m.keys[y] = m.keys[y-1]
		}
		m.keys[y] = k
	}
}

// key orders pairs by distance, which is not negative, and so that no other
// order of the input changes anything: it sorts as an integer.
type key uint64

func keyOf(distance float32, i, j uint16) key {
	return key(math.Float32bits(distance))<<32 | key(i)<<16 | key(j)
}

// pair of the key, its value still the distance.
func (k key) pair() pair {
	return pair{int(k >> 16 & 0xffff), int(k & 0xffff), math.Float32frombits(uint32(k >> 32))}
}

// similarity of two minutiae's neighbourhoods, 0..1: one minus the distance of
// the bit vectors over the sum of their norms (§3.1 of the paper, bit form).
func (m *Matcher) similarity(p pair) float32 {
	a, b := m.a.ones[p.i], m.b.ones[p.j]
	if a == 0 || b == 0 {
		return 0
	}
	u, v := (*[Words]uint64)(m.a.cylinders[p.i*Words:]), (*[Words]uint64)(m.b.cylinders[p.j*Words:])
	d := 0
	for k := range Words {
		d += bits.OnesCount64(u[k] ^ v[k])
	}
	return 1 - root(float32(d))/(root(float32(a))+root(float32(b)))
}

// support sets the pairs' support: how much the other pairs agree that both
// prints show the same there, a relaxation in the sense of the paper's §4.3. It
// reports false where no pair has enough of it to be worth an alignment.
func (m *Matcher) support() bool {
	n := len(m.keys)
	first := min(n, firstLook)
	m.pairs, m.links = m.pairs[:0], m.links[:0]
	m.relate(first)
	var sum [maxCandidates]float32
	for _, l := range m.links {
		sum[l.x] += l.agreement * m.pairs[l.y].value
		sum[l.y] += l.agreement * m.pairs[l.x].value
	}
	highest := float32(0)
	for x, p := range m.pairs[:first] {
		highest = max(highest, p.value*(selfBacking+sum[x]))
	}
	if highest < leastSupport {
		return false
	}
	slices.Sort(m.keys[first:])
	m.relate(n)
	for x, p := range m.pairs {
		m.backing[x] = p.value
	}
	for range relaxations {
		clear(sum[:n])
		for _, l := range m.links {
			sum[l.x] += l.agreement * m.backing[l.y]
			sum[l.y] += l.agreement * m.backing[l.x]
		}
		highest := float32(1e-9)
		for x, p := range m.pairs {
			sum[x] = p.value * (selfBacking + sum[x])
			highest = max(highest, sum[x])
		}
		for x := range n {
			m.backing[x] = sum[x] / highest
		}
	}
	return true
}

const (
	relaxations = 4
	// Of the genuine pairs of FVC2000 that score 20, 3 in 1,120 have less than
	// 0.6, of the impostor pairs 86 %.
	leastSupport = 0.5
	selfBacking  = 0.3
	mutualReach  = 10.0 // pixels
	mutualShare  = 0.18 // more of it a pixel away
	mutualTurn   = 24   // of 256 units
)

// link is that two pairs, x after y, agree: few do.
type link struct {
	x, y      uint8
	agreement float32
}

// relate takes up pairs until there are n, each with its links to those before.
func (m *Matcher) relate(n int) {
	const (
		reach = 2 * mutualReach * mutualReach // a sum's square is at most twice the sum of squares
		share = 2 * mutualShare * mutualShare
	)
	known := len(m.pairs)
	for x := known; x < n; x++ {
		p := m.keys[x].pair()
		p.value = cylinder.Similarity(p.value)
		m.pairs = append(m.pairs, p)
		a, b := &m.a.minutiae[p.i], &m.b.minutiae[p.j]
		m.turns[x] = a.angle - b.angle
		for k, v := range [8]float32{a.x, a.y, b.x, b.y, a.cos, a.sin, b.cos, b.sin} {
			m.places[k][x] = v
		}
	}
	m.kernels.Related(&m.related, &m.places, known, n, reach, share)
	for x := known; x < n; x++ {
		for mask := m.related[x] & (1<<x - 1); mask != 0; mask &= mask - 1 {
			y := bits.TrailingZeros64(mask)
			turned := int8(m.turns[y] - m.turns[x])
			if turned > mutualTurn || turned < -mutualTurn {
				continue
			}
			if c := m.agreement(m.pairs[x], m.pairs[y], turned); c > 0 {
				m.links = append(m.links, link{uint8(x), uint8(y), c})
			}
		}
	}
}

// agreement of two pairs, 0..1, the second of which turns by turned more:
// whether its minutiae lie and point alike as seen from the first ones.
func (m *Matcher) agreement(p, q pair, turned int8) float32 {
	if p.i == q.i || p.j == q.j {
		return 0
	}
	a, c := &m.a.minutiae[p.i], &m.a.minutiae[q.i]
	b, d := &m.b.minutiae[p.j], &m.b.minutiae[q.j]
	ax, ay, bx, by := c.x-a.x, c.y-a.y, d.x-b.x, d.y-b.y
	// Both in the frame of their first minutia.
	u := (ax*a.cos - ay*a.sin) - (bx*b.cos - by*b.sin)
	v := (ax*a.sin + ay*a.cos) - (bx*b.sin + by*b.cos)
	off := u*u + v*v
	limit := mutualReach + mutualShare*root(bx*bx+by*by)
	if off >= limit*limit {
		return 0
	}
	if turned < 0 {
		turned = -turned
	}
	return (1 - root(off)/limit) * (1 - float32(turned)/(mutualTurn+1))
}

func root(v float32) float32 { return float32(math.Sqrt(float64(v))) }
