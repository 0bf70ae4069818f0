package search

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/cylinder"
)

// Candidate is one template of the gallery with the engine's score.
type Candidate struct {
	Number uint64
	Score  float64 // finger.Compare of probe and template
}

// contender is a template that the first stage kept.
type contender struct {
	place
	score float64
}

// Search returns the k templates of the gallery that score highest against the
// probe, highest first, ties by number; only scores over 0. It returns early
// with the context's error.
func (g *Gallery) Search(ctx context.Context, probe *finger.Template, k int) ([]Candidate, error) {
	return g.SearchPrepared(ctx, finger.Prepare(probe), k)
}

// SearchPrepared is Search for a probe prepared before.
func (g *Gallery) SearchPrepared(ctx context.Context, probe *finger.Prepared, k int) ([]Candidate, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	kept, err := g.rank(ctx, probe)
	if err != nil {
		return nil, err
	}
	if err := g.compare(ctx, probe, kept); err != nil {
		return nil, err
	}
	slices.SortFunc(kept, func(a, b contender) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.number(), b.number()))
	})
	var out []Candidate
	for _, c := range kept[:min(k, len(kept))] {
		if c.score > 0 {
			out = append(out, Candidate{c.number(), c.score})
		}
	}
	return out, nil
}

func (p place) number() uint64 { return p.page.numbers[p.slot] }

// rank is the first stage: it returns the best share of the templates, those
// that tie with the last of them too.
func (g *Gallery) rank(ctx context.Context, probe *finger.Prepared) ([]contender, error) {
	set := cylinders(probe)
	scores := make([][]uint16, len(g.pages))
	err := g.each(ctx, len(g.pages), func() func(int) {
		r := ranker{probe: cylinder.NewProbe(g.options.Level, turn), size: set.Len()}
		r.probe.Load(&set)
		return func(i int) { scores[i] = g.pages[i].rank(&r) }
	})
	if err != nil {
		return nil, err
	}
	var counts [1 << 13]int // by score
	for i, p := range g.pages {
		for slot, full := range p.full {
			if full != nil {
				counts[scores[i][slot]]++
			}
		}
	}
	want := max(g.options.AtLeast, int(g.options.Keep*float64(len(g.where))))
	least, n := len(counts)-1, counts[len(counts)-1]
	for least > 0 && n < want {
		least--
		n += counts[least]
	}
	kept := make([]contender, 0, n)
	for i, p := range g.pages {
		for slot, score := range scores[i] {
			if int(score) >= least && p.full[slot] != nil {
				kept = append(kept, contender{place: place{p, slot}})
			}
		}
	}
	return kept, nil
}

func (p *page) rank(r *ranker) []uint16 {
	scores := make([]uint16, len(p.numbers))
	for slot, full := range p.full {
		if full != nil {
			s := p.set(slot)
			scores[slot] = r.score(&s)
		}
	}
	return scores
}

// compare is the second stage.
func (g *Gallery) compare(ctx context.Context, probe *finger.Prepared, kept []contender) error {
	const batch = 32
	return g.each(ctx, (len(kept)+batch-1)/batch, func() func(int) {
		var m finger.Matcher
		return func(i int) {
			for k := i * batch; k < min((i+1)*batch, len(kept)); k++ {
				c := &kept[k]
				c.score = m.Compare(probe, c.page.full[c.slot])
			}
		}
	})
}

// each calls work for 0..n-1 on the gallery's threads, each with a worker of
// its own, until the context ends.
func (g *Gallery) each(ctx context.Context, n int, worker func() (work func(int))) error {
	var next atomic.Int64
	run := func() {
		work := worker()
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			work(i)
		}
	}
	var threads sync.WaitGroup
	for range min(g.options.Threads, n) - 1 {
		threads.Go(run)
	}
	run()
	threads.Wait()
	return ctx.Err()
}
