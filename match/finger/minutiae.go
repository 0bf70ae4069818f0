package finger

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// MaxMinutiae is the most that a template holds; the best are kept.
const MaxMinutiae = 120

// Distances in pixels at 500 dpi; a ridge and its valley take about nine.
const (
	traceLength  = 16  // how far a branch is followed
	directionAt  = 10  // where on the branch its direction is taken
	minBranch    = 8   // a shorter branch is a spur, a bridge or a speck
	breakGap     = 14  // two endings that face each other over less are one broken ridge
	crowdRadius  = 5   // two minutiae nearer than this are noise
	clearMinutia = 0.3 // of field.clear around it
	borderMargin = 9   // the cut of the finger's edge makes false endings
)

// branch is a ridge followed from a minutia.
type branch struct {
	length int
	end    int // index of the pixel where it stopped
	endsAt int // crossings there: 1 ending, 2 followed to full length, 3 and more a fork
	far    int // pixel for the direction
}

// node is a minutia before cleaning.
type node struct {
	at       int
	x, y     int
	kind     Kind
	branches []branch
	room     [4]branch // for them
	angle    float64
	bad      bool
}

// minutiae finds endings and bifurcations on the skeleton by their crossing
// number and drops those that noise makes.
func (r *ridgeMap) minutiae(b *field) []Minutia {
	off := r.offsets()
	var nodes []*node
	byPixel := map[int]*node{}
	for k, w := range r.words {
		for ; w != 0; w &= w - 1 {
			i := k*wordBits + bits.TrailingZeros64(w)
			c := r.crossings(i)
			if c != 1 && c != 3 {
				continue
			}
			n := &node{at: i, kind: Ending}
			n.x, n.y = r.place(i)
			if c == 3 {
				n.kind = Bifurcation
			}
			n.branches = r.follow(n.room[:0], i, &off)
			nodes = append(nodes, n)
			byPixel[i] = n
		}
	}
	for _, n := range nodes {
		n.direct(r, b)
		n.bad = n.bad || nearBorder(b, n.x, n.y) || b.clear[n.y/blockSide*b.w+n.x/blockSide] < clearMinutia
	}
	dropShort(nodes, byPixel)
	dropPairs(nodes)
	var out []Minutia
	for _, n := range nodes {
		if !n.bad {
			out = append(out, n.minutia(b))
		}
	}
	if len(out) > MaxMinutiae {
		slices.SortStableFunc(out, func(p, q Minutia) int { return cmp.Compare(q.Quality, p.Quality) })
		out = out[:MaxMinutiae]
	}
	return out
}

// follow appends each branch that leaves pixel i.
func (r *ridgeMap) follow(out []branch, i int, off *[8]int) []branch {
	n := r.neighbours(i)
	for k := range 8 {
		// One start for each run of neighbours: its side pixel where it has one.
		if n>>k&1 == 0 || (k&1 == 1 && (n>>(k-1)&1 == 1 || n>>((k+1)&7)&1 == 1)) {
			continue
		}
		out = append(out, r.trace(i, i+off[k], off))
	}
	return out
}

func (r *ridgeMap) trace(from, to int, off *[8]int) branch {
	t := branch{length: 1, end: to, far: to, endsAt: 2}
	prev, cur := from, to
	for {
		if c := r.crossings(cur); c != 2 {
			t.endsAt = c
			return t
		}
		if t.length >= traceLength {
			return t
		}
		next := -1
		for _, k := range [8]int{0, 2, 4, 6, 1, 3, 5, 7} { // sides before diagonals
			p := cur + off[k]
			if r.has(p) && p != prev && p != from && !touching(p, prev, r.stride) {
				next = p
				break
			}
		}
		if next < 0 {
			return t
		}
		prev, cur = cur, next
		t.length++
		t.end = cur
		if t.length <= directionAt {
			t.far = cur
		}
	}
}

// touching reports whether two pixels are side by side.
func touching(p, q, stride int) bool {
	d := p - q
	return d == 1 || d == -1 || d == stride || d == -stride
}

// direct sets the node's angle: along the ridge at an ending, into the valley
// between the two closest branches at a bifurcation, so that both keep their
// angle when noise turns one into the other. The smooth orientation field gives
// the line, the branches its sense.
func (n *node) direct(r *ridgeMap, b *field) {
	want := len(n.branches) == 1 && n.kind == Ending || len(n.branches) == 3 && n.kind == Bifurcation
	if !want {
		n.bad = true
		return
	}
	var unit [3][2]float64
	for k, t := range n.branches {
		x, y := r.place(t.far)
		dx, dy := float64(x-n.x), float64(n.y-y)
		length := max(math.Hypot(dx, dy), 1e-9)
		unit[k] = [2]float64{dx / length, dy / length}
	}
	sense := unit[0]
	if n.kind == Bifurcation {
		closest := -2.0
		for k := range 3 {
			p, q := unit[k], unit[(k+1)%3]
			if dot := p[0]*q[0] + p[1]*q[1]; dot > closest {
				closest = dot
				sense = [2]float64{p[0] + q[0], p[1] + q[1]}
			}
		}
	}
	n.angle = b.orientation(n.x, n.y)
	sin, cos := math.Sincos(n.angle)
	if cos*sense[0]+sin*sense[1] < 0 {
		n.angle += math.Pi
	}
}

func nearBorder(b *field, x, y int) bool {
	for _, d := range [8][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {1, -1}, {-1, 1}, {-1, -1}} {
		m := borderMargin
		if d[0] != 0 && d[1] != 0 {
			m = borderMargin * 7 / 10
		}
		if !b.fingerAt(x+d[0]*m, y+d[1]*m) {
			return true
		}
	}
	return false
}

// dropShort marks both ends of a branch that is too short to be a ridge.
func dropShort(nodes []*node, byPixel map[int]*node) {
	for _, n := range nodes {
		for _, t := range n.branches {
			if t.length >= minBranch || t.endsAt == 2 {
				continue
			}
			n.bad = true
			if other := byPixel[t.end]; other != nil {
				other.bad = true
			}
		}
	}
}

// dropPairs marks broken ridges (two endings face to face) and crowds.
func dropPairs(nodes []*node) {
	for i, p := range nodes {
		for _, q := range nodes[i+1:] {
			if q.y-p.y > breakGap { // nodes are in row order
				break
			}
			dx, dy := float64(q.x-p.x), float64(p.y-q.y)
			d := math.Hypot(dx, dy)
			if d <= crowdRadius {
				p.bad, q.bad = true, true
				continue
			}
			if d > breakGap || p.kind != Ending || q.kind != Ending {
				continue
			}
			// Facing: the ridges run apart, along the line that joins the endings.
			join := math.Atan2(dy, dx)
			if turn(p.angle, q.angle) > 2.5 && turn(p.angle, join) > 2.4 {
				p.bad, q.bad = true, true
			}
		}
	}
}

// turn is the angle between two directions, 0..pi.
func turn(a, b float64) float64 {
	return math.Abs(math.Remainder(a-b, 2*math.Pi))
}

func (n *node) minutia(b *field) Minutia {
	c := b.clear[n.y/blockSide*b.w+n.x/blockSide]
	return Minutia{
		X: n.x, Y: n.y, Kind: n.kind,
		Angle:   uint8(int(math.Round(n.angle*128/math.Pi)) & 255),
		Quality: uint8(1 + 99*max(0, min(float64(c), 1))),
	}
}
