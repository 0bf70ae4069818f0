package finger

import (
	"math"
	"math/bits"
)

// maxTurn between two impressions, in 256 units a turn: 62 degrees.
const maxTurn = 44

// roots of the numbers of bits.
var roots = func() (r [2 * 64 * Words]float32) {
	for i := range r {
		r[i] = float32(math.Sqrt(float64(i)))
	}
	return r
}()

// pair is minutia i of a with minutia j of b.
type pair struct {
	i, j  int
	value float32
}

// similarities fills m.similar, len(a) x len(b): one minus the distance of the
// bit vectors over the sum of their norms (§3.1 of the paper, bit form), 0
// where the directions differ too much.
func (m *Matcher) similarities() {
	n := len(m.b.minutiae)
	if size := len(m.a.minutiae) * n; cap(m.similar) < size {
		m.similar = make([]float32, size)
	} else {
		m.similar = m.similar[:size]
		clear(m.similar)
	}
	clear(m.histogram[:])
	for i := range m.a.minutiae {
		if m.a.ones[i] == 0 {
			continue
		}
		p := (*[Words]uint64)(m.a.cylinders[i*Words:])
		norm := roots[m.a.ones[i]]
		for j := range m.b.minutiae {
			turned := int8(m.a.minutiae[i].angle - m.b.minutiae[j].angle)
			if turned > maxTurn || turned < -maxTurn || m.b.ones[j] == 0 {
				continue
			}
			q := (*[Words]uint64)(m.b.cylinders[j*Words:])
			d := 0
			for k := range Words {
				d += bits.OnesCount64(p[k] ^ q[k])
			}
			s := 1 - roots[d]/(norm+roots[m.b.ones[j]])
			m.similar[i*n+j] = s
			if s > leastSimilar {
				m.histogram[int(s*grades)]++
			}
		}
	}
}

const (
	maxCandidates = 64   // most similar pairs that are looked at
	leastSimilar  = 0.25 // of 256 grades a whole one; cylinders of unlike places have about 0.3
	grades        = 256
)

// choose fills m.pairs with the most similar pairs, by a histogram instead of
// a sort.
func (m *Matcher) choose() {
	cut, kept := grades, 0
	for cut >= 0 && kept+m.histogram[cut] <= maxCandidates {
		kept += m.histogram[cut]
		cut--
	}
	least := max(float32(cut+1)/grades, leastSimilar)
	m.pairs = m.pairs[:0]
	n := len(m.b.minutiae)
	for i := range m.a.minutiae {
		for j, s := range m.similar[i*n : (i+1)*n] {
			if s >= least {
				m.pairs = append(m.pairs, pair{i, j, s})
			}
		}
	}
}

// support sets the pairs' support: how much the other pairs agree that both
// prints show the same there, a relaxation in the sense of the paper's §4.3. It
// reports false where no pair has enough of it to be worth an alignment.
func (m *Matcher) support() bool {
	n := len(m.pairs)
	for x := range n {
		for y := range x {
			c := m.agreement(m.pairs[x], m.pairs[y])
			m.mutual[x][y], m.mutual[y][x] = c, c
		}
		m.mutual[x][x] = 0
	}
	var next [maxCandidates]float32
	for x, p := range m.pairs {
		m.backing[x] = p.value
	}
	for round := range relaxations {
		highest := float32(1e-9)
		for x, p := range m.pairs {
			sum := float32(0)
			row := &m.mutual[x]
			for y := range n {
				sum += row[y] * m.backing[y]
			}
			next[x] = p.value * (selfBacking + sum)
			highest = max(highest, next[x])
		}
		if round == 0 && highest < leastSupport {
			return false
		}
		for x := range n {
			m.backing[x] = next[x] / highest
		}
	}
	return true
}

const (
	relaxations = 4
	// No genuine pair of FVC2000 that scores 20 has less than 0.537, and 43 % of
	// the impostor pairs have.
	leastSupport = 0.5
	selfBacking  = 0.3
	mutualReach  = 10.0 // pixels
	mutualShare  = 0.18 // more of it a pixel away
	mutualTurn   = 24   // of 256 units
)

// agreement of two pairs, 0..1: whether the second minutiae lie and point alike
// as seen from the first ones.
func (m *Matcher) agreement(p, q pair) float32 {
	if p.i == q.i || p.j == q.j {
		return 0
	}
	a, c := &m.a.minutiae[p.i], &m.a.minutiae[q.i]
	b, d := &m.b.minutiae[p.j], &m.b.minutiae[q.j]
	turned := int8(c.angle - a.angle - (d.angle - b.angle))
	if turned > mutualTurn || turned < -mutualTurn {
		return 0
	}
	ax, ay, bx, by := c.x-a.x, c.y-a.y, d.x-b.x, d.y-b.y
	// Both in the frame of their first minutia.
	u := (ax*a.cos - ay*a.sin) - (bx*b.cos - by*b.sin)
	v := (ax*a.sin + ay*a.cos) - (bx*b.sin + by*b.cos)
	off := u*u + v*v
	far := bx*bx + by*by
	limit := mutualReach + mutualShare*root(far)
	if off >= limit*limit {
		return 0
	}
	if turned < 0 {
		turned = -turned
	}
	return (1 - root(off)/limit) * (1 - float32(turned)/(mutualTurn+1))
}

func root(v float32) float32 { return float32(math.Sqrt(float64(v))) }
