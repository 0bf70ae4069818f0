package gallery

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Candidate is one template of the gallery with its cosine similarity to the probe.
type Candidate struct {
	Number uint64
	Score  float32
}

const (
	scanBlocks = 64       // scored by one call of a kernel
	nearBytes  = 32 << 10 // that several probes share from the first cache
	together   = 64       // probes in one pass, so that a page is not held long
)

// Search returns the k templates that are most similar to the probe, the most
// similar first, ties by number. It ends early with the context's error; the
// error may also wrap ErrTemplate.
func (g *Gallery) Search(ctx context.Context, probe []float32, k int) ([]Candidate, error) {
	all, err := g.SearchAll(ctx, [][]float32{probe}, k)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// SearchAll is Search for several probes, which share the way through memory.
func (g *Gallery) SearchAll(ctx context.Context, probes [][]float32, k int) ([][]Candidate, error) {
	prepared := make([]probe, len(probes))
	for i, t := range probes {
		if err := g.layout.check(t); err != nil {
			return nil, fmt.Errorf("search: probe %d: %w", i, err)
		}
		prepared[i] = g.layout.probe(t)
	}
	out := make([][]Candidate, 0, len(probes))
	for len(prepared) > 0 {
		n := min(len(prepared), together)
		found, err := g.pass(ctx, prepared[:n], k)
		if err != nil {
			return nil, err
		}
		for i := range found {
			out = append(out, found[i].list)
		}
		prepared = prepared[n:]
	}
	return out, nil
}

// pass goes through the gallery once, on all its threads.
func (g *Gallery) pass(ctx context.Context, probes []probe, k int) ([]top, error) {
	pages := *g.pages.Load()
	var next atomic.Int64
	work := func(best []top) {
		var s scanner
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(pages) {
				return
			}
			s.page(g, pages[i], probes, best)
		}
	}
	threads := max(1, min(g.options.Threads, len(pages)))
	best := make([][]top, threads)
	for i := range best {
		best[i] = newTops(len(probes), k)
	}
	var working sync.WaitGroup
	for _, b := range best[1:] {
		working.Go(func() { work(b) })
	}
	work(best[0])
	working.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	for _, other := range best[1:] {
		for i := range other {
			for _, c := range other[i].list {
				best[0][i].offer(c)
			}
		}
	}
	return best[0], nil
}

// probe is a template as the kernels read it.
type probe struct {
	floats []float32
	bytes  []int8
	words  []int16
	bias   int32 // 128 times the sum of bytes
	scale  float32
}

func (l *layout) probe(t []float32) probe {
	if !l.int8 {
		p := probe{floats: make([]float32, l.padded)}
		copy(p.floats, t)
		return p
	}
	p := probe{bytes: make([]int8, l.padded), words: make([]int16, l.padded)}
	p.scale = quantise(t, func(i int, v int8) {
		p.bytes[i] = v
		p.words[i&^3+[4]int{0, 2, 1, 3}[i%4]] = int16(v)
		p.bias += 128 * int32(v)
	})
	return p
}

// scanner has the room for the scores of one call of a kernel.
type scanner struct {
	scores [scanBlocks * lanes]float32
	masks  [scanBlocks]uint16
}

func (s *scanner) page(g *Gallery, p *page, probes []probe, best []top) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	step := scanBlocks
	if len(probes) > 1 {
		step = max(1, min(step, nearBytes/g.layout.block))
	}
	for from := 0; from < len(p.alive); from += step {
		n := min(step, len(p.alive)-from)
		row := &p.data[from*g.layout.block]
		for i := range probes {
			s.score(g, row, n, &probes[i], best[i].limit)
			s.keep(p, from, n, &best[i])
		}
	}
}

func (s *scanner) score(g *Gallery, row *byte, blocks int, q *probe, limit float32) {
	if g.layout.int8 {
		g.kernel.bytes(&s.scores[0], &s.masks[0], row, blocks, g.layout.padded/16, &q.bytes[0], &q.words[0], q.bias, q.scale, limit)
		return
	}
	g.kernel.floats(&s.scores[0], &s.masks[0], (*float32)(unsafe.Pointer(row)), blocks, g.layout.padded/4, &q.floats[0], limit)
}

// keep offers what passed the limit.
func (s *scanner) keep(p *page, from, blocks int, best *top) {
	for b, mask := range s.masks[:blocks] {
		if mask &= p.alive[from+b]; mask == 0 {
			continue
		}
		for lane := range lanes {
			if mask>>lane&1 != 0 {
				best.offer(Candidate{p.numbers[(from+b)*lanes+lane], s.scores[b*lanes+lane]})
			}
		}
	}
}

// top keeps the k best candidates.
type top struct {
	k     int
	list  []Candidate // sorted
	limit float32     // lower scores need not be offered
}

func newTops(n, k int) []top {
	tops := make([]top, n)
	for i := range tops {
		tops[i] = top{k: k, limit: minusInf}
		if k <= 0 {
			tops[i].limit = float32(math.Inf(1))
		}
	}
	return tops
}

func before(a, b Candidate) bool {
	return a.Score > b.Score || a.Score == b.Score && a.Number < b.Number
}

func (t *top) offer(c Candidate) {
	full := len(t.list) >= t.k
	if full && (t.k <= 0 || !before(c, t.list[t.k-1])) {
		return
	}
	if !full {
		t.list = append(t.list, c)
	}
	at := len(t.list) - 1
	for ; at > 0 && before(c, t.list[at-1]); at-- {
		t.list[at] = t.list[at-1]
	}
	t.list[at] = c
	if len(t.list) == t.k {
		t.limit = t.list[t.k-1].Score
	}
}
