package finger

import (
	"cmp"
	"math"
	"slices"

	"github.com/enrold/enrold/match/finger/cylinder"
	"github.com/enrold/enrold/match/finger/near"
)

// hypotheses is how many alignments are tried.
const hypotheses = 3

// Matcher compares templates and keeps its room between comparisons. Its zero
// value is ready; one goroutine at a time may use it.
type Matcher struct {
	a, b         *Prepared
	probe        *cylinder.Probe
	loaded       *Prepared // in probe
	closest      []cylinder.Pair
	keys         []key
	pairs        []pair
	links        []link // between pairs
	places       near.Places
	related      [near.Room]uint64
	moved        near.Rows // a's minutiae in b's plane
	limits       [near.MaxRows]float32
	masks        [MaxMinutiae * (MaxMinutiae + 63) / 64]uint64
	kernels      near.Kernels
	turns        [maxCandidates]uint8
	backing      [maxCandidates]float32
	done         [maxCandidates]bool
	close        []key
	agreed, best []pair
	usedA, usedB [MaxMinutiae]bool
	group        []pair
	pulls        []near.Pull
	layer        layer
}

// Compare returns how much speaks for two impressions being of one finger, 0
// (nothing) upwards, on the scale of Threshold. It is symmetric.
func Compare(a, b *Template) float64 {
	if a == nil || b == nil {
		return 0
	}
	return new(Matcher).Compare(Prepare(a), Prepare(b))
}

// Compare is the package's Compare for prepared templates.
func (m *Matcher) Compare(a, b *Prepared) float64 {
	e := m.compare(a, b)
	return e.score()
}

func (m *Matcher) compare(a, b *Prepared) evidence {
	if order(a.order, b.order) > 0 {
		a, b = b, a
	}
	m.a, m.b = a, b
	m.choose()
	best := evidence{ridges: a.ridges != nil && b.ridges != nil}
	if !m.support() {
		return best
	}
	clear(m.done[:])
	for range hypotheses {
		seed := -1
		for x := range m.pairs {
			if !m.done[x] && (seed < 0 || m.backing[x] > m.backing[seed]) {
				seed = x
			}
		}
		if seed < 0 {
			break
		}
		if e := m.try(seed); e.minutiae > best.minutiae {
			e.ridges = best.ridges
			best = e
			best.pairs = append(m.best[:0], e.pairs...) //nolint:gocritic // the next try uses its room again
			m.best = best.pairs
		}
		if best.minutiae > convincing || best.minutiae < unlikely {
			break
		}
	}
	best.ridges = best.ridges && best.minutiae <= convincing
	if best.ridges && best.minutiae >= worthLaying {
		m.pull(best.motion, best.pairs)
		best.overlap = m.lay(a.ridges, b.ridges, best.motion)
	}
	return best
}

const (
	worthLaying = 3.0 // a score by minutiae that is worth a closer look
	// convincing: no other alignment comes near, and ridges need not be asked. The
	// highest of 11,520 impostor pairs of FVC2000 is 5.0, a factor of ten each 0.8.
	convincing = 9.0
	unlikely   = 2.0 // of the best supported alignment: no other is worth a try
)

// evidence is what speaks for an alignment.
type evidence struct {
	motion   motion
	pairs    []pair
	minutiae float64 // by the minutiae alone
	ridges   bool    // are part of the score
	overlap  overlap
}

// score combines the evidence and names its rarity.
func (e *evidence) score() float64 {
	if !e.ridges {
		return minutiaeOnly.at(e.minutiae)
	}
	const (
		weight = 30
		sure   = 10 // tiles: with less in common the agreement counts for less
	)
	return withRidges.at(e.minutiae + weight*e.overlap.agree/float64(e.overlap.tiles+sure))
}

// try aligns by a pair and those that agree with it.
func (m *Matcher) try(seed int) evidence {
	m.group = m.group[:0]
	m.done[seed] = true
	m.group = append(m.group, pair{m.pairs[seed].i, m.pairs[seed].j, 1})
	for _, l := range m.links {
		x := l.x
		if int(x) == seed {
			x = l.y
		} else if int(l.y) != seed {
			continue
		}
		if l.agreement > 0.3 {
			m.done[x] = true
			m.group = append(m.group, pair{m.pairs[x].i, m.pairs[x].j, l.agreement * m.backing[x]})
		}
	}
	t, cx, cy := m.fit(m.group)
	m.move(t)
	pairs := m.agree(t, cx, cy, pairDistance, pairStretch)
	var sum float32
	for _, p := range pairs {
		sum += p.value
	}
	if len(pairs) < 3 || sum < fewAgree*root(float32(len(m.a.minutiae))) {
		return evidence{}
	}
	t, cx, cy = m.fit(pairs)
	m.pull(t, pairs)
	m.move(t)
	n := (len(m.a.minutiae) + 7) &^ 7
	m.kernels.Pull(m.moved[2][:n], m.moved[3][:n], m.moved[0][:n], m.moved[1][:n], m.pulls, pullScale)
	for i := range n {
		m.moved[0][i] += m.moved[2][i]
		m.moved[1][i] += m.moved[3][i]
	}
	pairs = m.agree(t, cx, cy, nearDistance, nearStretch)
	if len(pairs) < 3 || t.cos < sines[64+maxTurn] {
		return evidence{}
	}
	return m.weigh(t, pairs)
}

// weigh compares the pairs with the minutiae that could have been paired:
// those that lie within both images. The constants make impostor scores of
// small and large, poor and rich templates alike.
func (m *Matcher) weigh(t motion, pairs []pair) evidence {
	e := evidence{motion: t, pairs: pairs}
	var sum float64
	for _, p := range pairs {
		sum += float64(p.value * (0.3 + m.similarity(p)))
	}
	sharedA, sharedB := 0, 0
	for i := range m.a.minutiae {
		if m.b.shows(m.moved[0][i], m.moved[1][i]) {
			sharedA++
		}
	}
	for j := range m.b.minutiae {
		if m.a.shows(t.back(m.b.minutiae[j].x, m.b.minutiae[j].y)) {
			sharedB++
		}
	}
	e.minutiae = 10 * sum / math.Pow(float64((sharedA+few)*(sharedB+few)), 0.35)
	return e
}

const (
	few      = 8
	fewAgree = 0.5 // to the root of the minutiae: what comes of less is not worth laying
)

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

// shows reports whether a point lies where p could show a minutia: on finger
// where that is known, else within the image.
func (p *Prepared) shows(x, y float32) bool {
	if !(x >= borderMargin && y >= borderMargin && x < p.width-borderMargin && y < p.height-borderMargin) {
		return false
	}
	if p.ridges == nil {
		return true
	}
	c, r := int(x)/tileSide, int(y)/tileSide
	return c < p.ridges.columns && r < p.ridges.rows && p.ridges.finger[r*p.ridges.columns+c]
}
