package search

import (
	"slices"

	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/cylinder"
)

// pageSize is how many templates share flat arrays: enough for the first stage
// to read memory in one run, few enough to be copied when half are gone.
const pageSize = 1024

// page holds what the first stage reads of its templates one behind the other,
// 53 bytes a cylinder of six words.
type page struct {
	numbers []uint64
	full    []*finger.Prepared // nil: deleted
	starts  []uint32           // of each template's cylinders, and the end
	all     cylinder.Set       // the templates' sets; Index is nil
	free    int                // deleted templates
}

// newPage expects templates like the first.
func newPage(like *cylinder.Set) *page {
	n := pageSize * like.Len()
	return &page{
		numbers: make([]uint64, 0, pageSize),
		full:    make([]*finger.Prepared, 0, pageSize),
		starts:  append(make([]uint32, 0, pageSize+1), 0),
		all: cylinder.Set{
			Words: like.Words, Bits: make([]uint64, 0, n*like.Words),
			Roots: make([]float32, 0, n), Directions: make([]uint8, 0, n),
		},
	}
}

func (p *page) add(number uint64, full *finger.Prepared, s *cylinder.Set) {
	p.numbers = append(p.numbers, number)
	p.full = append(p.full, full)
	p.all.Bits = append(p.all.Bits, s.Bits...)
	p.all.Roots = append(p.all.Roots, s.Roots...)
	p.all.Directions = append(p.all.Directions, s.Directions...)
	p.starts = append(p.starts, uint32(len(p.all.Roots)))
}

// clip gives back the room behind a full page's arrays.
func (p *page) clip() {
	p.all.Bits = slices.Clone(p.all.Bits)
	p.all.Roots = slices.Clone(p.all.Roots)
	p.all.Directions = slices.Clone(p.all.Directions)
}

// set is the view of one template's cylinders.
func (p *page) set(slot int) cylinder.Set {
	from, to := int(p.starts[slot]), int(p.starts[slot+1])
	w := p.all.Words
	return cylinder.Set{
		Words: w, Bits: p.all.Bits[from*w : to*w],
		Roots: p.all.Roots[from:to], Directions: p.all.Directions[from:to],
	}
}

// compact drops the deleted templates.
func (p *page) compact() {
	old := *p
	*p = page{starts: []uint32{0}, all: cylinder.Set{Words: old.all.Words}}
	for slot, full := range old.full {
		if full != nil {
			s := old.set(slot)
			p.add(old.numbers[slot], full, &s)
		}
	}
}

// bytes is what the page's arrays take; the templates themselves not included.
func (p *page) bytes() int {
	return 8*cap(p.numbers) + 8*cap(p.full) + 4*cap(p.starts) + 8*cap(p.all.Bits) + 4*cap(p.all.Roots) + cap(p.all.Directions)
}

// Bytes is what the gallery holds for the first stage, in bytes.
func (g *Gallery) Bytes() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	n := 0
	for p := range slices.Values(g.pages) {
		n += p.bytes()
	}
	return n
}
