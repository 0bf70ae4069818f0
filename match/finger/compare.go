package finger

import (
	"cmp"
	"math"
	"slices"
)

// Threshold is the score at or over which two impressions count as one finger.
const Threshold = 12.0

// hypotheses is how many alignments are tried.
const hypotheses = 4

// Matcher compares templates and keeps its room between comparisons. Its zero
// value is ready; one goroutine at a time may use it.
type Matcher struct {
	a, b           *Prepared
	similar        []float32 // len(a) x len(b): local similarity
	histogram      [grades + 1]int
	pairs          []pair
	mutual         [maxCandidates][maxCandidates]float32
	backing        [maxCandidates]float32
	done           [maxCandidates]bool
	movedX, movedY [MaxMinutiae]float32
	close          []pair
	usedA, usedB   [MaxMinutiae]bool
	group          []pair
	pulls          []pull
	counts         [][shifts * shifts]int16
	seen           []bool
}

// Compare returns how much speaks for two impressions being of one finger, 0
// (nothing) upwards; see Threshold. It is symmetric.
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
	m.similarities()
	m.choose()
	m.support()
	var best evidence
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
			best = e
		}
	}
	if best.minutiae >= worthLaying && a.ridges != nil && b.ridges != nil {
		m.pull(best.motion, best.pairs)
		best.overlap = m.lay(a.ridges, b.ridges, func(x, y float32) (float32, float32) {
			x, y = best.motion.apply(x, y)
			return m.stretch(x, y, -1)
		}, best.motion.sin, best.motion.cos)
	}
	return best
}

const worthLaying = 3

// evidence is what speaks for an alignment.
type evidence struct {
	motion           motion
	pairs            []pair
	minutiae         float64
	overlap          overlap
	sum              float64
	sharedA, sharedB int
}

func (e *evidence) score() float64 {
	const sure = 20 // tiles: under this the agreement counts for less
	return e.minutiae + 30*e.overlap.agree/float64(e.overlap.tiles+sure)
}

// try aligns by a pair and those that agree with it.
func (m *Matcher) try(seed int) evidence {
	m.group = m.group[:0]
	m.done[seed] = true
	m.group = append(m.group, pair{m.pairs[seed].i, m.pairs[seed].j, 1})
	for x, p := range m.pairs {
		if c := m.mutual[seed][x]; c > 0.3 {
			m.done[x] = true
			m.group = append(m.group, pair{p.i, p.j, c * m.backing[x]})
		}
	}
	t, cx, cy := m.fit(m.group)
	m.move(t)
	pairs := m.agree(t, cx, cy, pairDistance, pairStretch)
	if len(pairs) < 3 {
		return evidence{}
	}
	t, cx, cy = m.fit(pairs)
	m.pull(t, pairs)
	for i := range m.a.minutiae {
		x, y := t.apply(m.a.minutiae[i].x, m.a.minutiae[i].y)
		m.movedX[i], m.movedY[i] = m.stretch(x, y, i)
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
	e := evidence{motion: t, pairs: slices.Clone(pairs)}
	for _, p := range pairs {
		e.sum += float64(p.value * (0.3 + m.similar[p.i*len(m.b.minutiae)+p.j]))
	}
	for i := range m.a.minutiae {
		if m.b.shows(m.movedX[i], m.movedY[i]) {
			e.sharedA++
		}
	}
	for j := range m.b.minutiae {
		if m.a.shows(t.back(m.b.minutiae[j].x, m.b.minutiae[j].y)) {
			e.sharedB++
		}
	}
	e.minutiae = 10 * e.sum / math.Pow(float64((e.sharedA+few)*(e.sharedB+few)), 0.35)
	return e
}

const few = 8

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
	return c < p.ridges.Columns && r < p.ridges.Rows && p.ridges.Finger[r*p.ridges.Columns+c]
}
