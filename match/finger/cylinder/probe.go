package cylinder

import (
	"math/bits"

	"github.com/enrold/enrold/match/simd"
)

// lanes is how many columns every kernel takes at once.
const lanes = 16

// Probe is a Set made ready to be compared with many: transposed into columns,
// twice around the circle, so that every window is one run. It keeps its room
// when another Set is loaded. One goroutine at a time may use it.
type Probe struct {
	set     *Set
	turn    int
	kernel  kernel
	stride  int         // columns: twice the set's, and room for a kernel's last step
	columns []uint64    // word k of column c at k*stride+c
	roots   []float32   // of the columns
	before  [257]uint16 // cylinders whose direction is under d
	windows []uint32    // of the rows in work: first column, then from bit 16 on their number
	low     []uint16    // a bit for each ratio that is under the limit
	counts  [buckets]uint16
	// Of the last Compare:
	rows                         *Set
	blocks                       int // of lanes ratios
	ratios, lowest, columnLowest []float32
}

// NewProbe returns a probe that compares cylinders whose directions differ by
// at most turn, 0..127 of 256 units, with the kernels of level, which the
// processor must have (simd.Current).
func NewProbe(level simd.Level, turn int) *Probe {
	return &Probe{turn: min(max(turn, 0), 127), kernel: kernels(level)}
}

// Load makes s what is compared.
func (p *Probe) Load(s *Set) {
	n := s.Len()
	p.set = s
	p.stride = 2*n + lanes
	p.columns = resize(p.columns, s.Words*p.stride)
	p.roots = resize(p.roots, p.stride)
	for k := range s.Words {
		column := p.columns[k*p.stride:][:p.stride]
		for c := range n {
			w := s.Bits[c*s.Words+k]
			column[c], column[n+c] = w, w
		}
	}
	copy(p.roots, s.Roots)
	copy(p.roots[n:], s.Roots)
	// What lies behind is computed and thrown away; let it be no NaN.
	for c := 2 * n; c < p.stride; c++ {
		p.roots[c] = 1
	}
	clear(p.before[:])
	for _, d := range s.Directions {
		p.before[int(d)+1]++
	}
	for d := range 256 {
		p.before[d+1] += p.before[d]
	}
}

// resize returns n elements of no certain value.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// window is the run of columns that a row of that direction is compared with.
func (p *Probe) window(direction uint8) uint32 {
	low := int(direction-uint8(p.turn)) & 0xff
	high := low + 2*p.turn + 1
	first := p.before[low]
	var count uint16
	if high <= 256 {
		count = p.before[high] - first
	} else {
		count = p.before[256] - first + p.before[high-256]
	}
	return uint32(first) | uint32(count)<<16
}

// prepare sets the windows of the rows and returns how many blocks of lanes
// they take.
func (p *Probe) prepare(s *Set) (blocks int) {
	p.windows = resize(p.windows, s.Len())
	for i, d := range s.Directions {
		w := p.window(d)
		p.windows[i] = w
		blocks += (int(w>>16) + lanes - 1) / lanes
	}
	return blocks
}

// Nearest writes for each cylinder of s, in s's order, the lowest ratio to a
// comparable cylinder of the probe, or 2 where there is none, and returns dst
// resized to s.Len(). s must have the probe's Words.
func (p *Probe) Nearest(dst []float32, s *Set) []float32 {
	dst = resize(dst, s.Len())
	if s.Len() == 0 {
		return dst
	}
	p.check(s)
	p.prepare(s)
	p.kernel.nearest(&dst[0], &s.Bits[0], &s.Roots[0], &p.windows[0], s.Len(), &p.columns[0], &p.roots[0], s.Words, p.stride)
	return dst
}

// check guards what the kernels take on trust.
func (p *Probe) check(s *Set) {
	if p.set == nil || s.Words != p.set.Words || len(s.Bits) != s.Words*s.Len() || len(s.Directions) != s.Len() {
		panic("cylinder: sets of unlike shape")
	}
}

// Pair is a comparable pair of cylinders.
type Pair struct {
	Row    uint16 // of the set given to Compare: the minutia, by its Index
	Column uint16 // of the probe: the minutia, by its Index
	Ratio  float32
}

// buckets of the counting selection.
const buckets = 256

// Compare computes the ratios of all comparable pairs, which Likeness and Closest
// then read. s must have the probe's Words.
func (p *Probe) Compare(s *Set) {
	p.rows, p.blocks = s, 0
	if s.Len() == 0 || p.set == nil || p.set.Len() == 0 {
		return
	}
	p.check(s)
	p.blocks = p.prepare(s)
	if p.blocks == 0 {
		return
	}
	p.ratios = resize(p.ratios, p.blocks*lanes)
	p.lowest = resize(p.lowest, s.Len())
	p.columnLowest = resize(p.columnLowest, p.stride)
	for i := range p.columnLowest {
		p.columnLowest[i] = 2
	}
	p.kernel.ratios(&p.ratios[0], &p.lowest[0], &p.columnLowest[0], &s.Bits[0], &s.Roots[0], &p.windows[0], s.Len(), &p.columns[0], &p.roots[0], s.Words, p.stride)
}

// Likeness of the two sets last compared, as of the function: the greater of
// that of the rows and that of the columns, so that it does not matter which of
// two sets is the probe.
func (p *Probe) Likeness() uint16 {
	if p.blocks == 0 {
		return 0
	}
	n := p.set.Len()
	size := min(n, p.rows.Len())
	once, again := p.columnLowest[:n], p.columnLowest[n:2*n]
	for c, r := range again {
		once[c] = min(once[c], r)
	}
	return max(Likeness(p.lowest, size), Likeness(once, size))
}

// Closest appends to dst the pairs of lowest ratio under most of the sets last
// compared, n or fewer: it counts ratios in steps of most/256 and takes whole
// steps only, so that ties are kept or left together, whatever their order. The
// first step is kept in any case, even where it alone is more than n: a print
// compared with itself. Both sets need their Index.
func (p *Probe) Closest(dst []Pair, n int, most float32) []Pair {
	s, blocks := p.rows, p.blocks
	if blocks == 0 {
		return dst
	}
	p.low = resize(p.low, blocks)
	p.kernel.below(&p.low[0], &p.ratios[0], blocks, most)
	scale := buckets / most
	begin, columns, block := len(dst), p.set.Len(), 0
	clear(p.counts[:])
	for i, w := range p.windows {
		first := int(w & 0xffff)
		for range (int(w>>16) + lanes - 1) / lanes {
			for m := p.low[block]; m != 0; m &= m - 1 {
				k := bits.TrailingZeros16(m)
				r := p.ratios[block*lanes+k]
				p.counts[min(int(r*scale), buckets-1)]++
				column := first + k
				if column >= columns {
					column -= columns
				}
				dst = append(dst, Pair{s.Index[i], p.set.Index[column], r})
			}
			first += lanes
			block++
		}
	}
	if len(dst)-begin <= n {
		return dst
	}
	end := float32(p.cut(n)) // a ratio times scale is kept under it
	kept := dst[:begin]
	for _, q := range dst[begin:] {
		if q.Ratio*scale < end {
			kept = append(kept, q)
		}
	}
	return kept
}

// cut returns how many of the counted steps hold n ratios or fewer together, at
// least one.
func (p *Probe) cut(n int) int {
	kept := 0
	for step, c := range p.counts {
		if kept += int(c); kept > n {
			return max(step, 1)
		}
	}
	return buckets
}
