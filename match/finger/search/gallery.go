// Package search finds a fingerprint among up to a million templates held in
// memory (identification, 1:N).
//
// A search has two stages. The first compares the minutiae's bit cylinders
// alone (package cylinder), for every template: local similarity sort of
// Cappelli et al. (PAMI 32(12), 2010, §4.1), each cylinder of the gallery with
// its nearest of the probe. The best share goes on to the second, the engine's
// whole comparison, whose scores are those of finger.Compare. The result is
// exact for the templates that the first stage kept.
package search

import (
	"errors"
	"fmt"
	"sync"

	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/cylinder"
	"github.com/enrold/enrold/match/simd"
)

// ErrKnown means that the gallery has a template under that number.
var ErrKnown = errors.New("number is in the gallery already")

// Options of a gallery; zero values mean the defaults.
type Options struct {
	Keep    float64    // share that the first stage keeps, 0..1: 0.05
	AtLeast int        // templates that it keeps in any case: 64
	Threads int        // that a search may use: 1
	Level   simd.Level // instructions of the first stage; see simd.Current
}

// Gallery is a set of templates, each under a number of the caller's choice.
// Any number of goroutines may use it; adding waits for searches to end.
type Gallery struct {
	options Options
	mu      sync.RWMutex
	pages   []*page
	where   map[uint64]place
}

type place struct {
	page *page
	slot int
}

// New returns an empty gallery.
func New(o Options) *Gallery {
	if o.Keep <= 0 || o.Keep > 1 {
		o.Keep = 0.05
	}
	if o.AtLeast <= 0 {
		o.AtLeast = 64
	}
	o.Threads = max(o.Threads, 1)
	return &Gallery{options: o, where: map[uint64]place{}}
}

// Len is how many templates the gallery has.
func (g *Gallery) Len() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.where)
}

// Add puts a template into the gallery, which keeps it: the caller must not
// change it. The error wraps ErrKnown.
func (g *Gallery) Add(number uint64, t *finger.Template) error {
	return g.AddPrepared(number, finger.Prepare(t))
}

// AddPrepared is Add for a template prepared before; galleries may share it.
func (g *Gallery) AddPrepared(number uint64, full *finger.Prepared) error {
	set := cylinders(full)
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.where[number]; known {
		return fmt.Errorf("add template: %w", ErrKnown)
	}
	last := len(g.pages) - 1
	if last < 0 || len(g.pages[last].numbers) == pageSize {
		g.pages = append(g.pages, newPage(&set))
		last++
	}
	p := g.pages[last]
	g.where[number] = place{p, len(p.numbers)}
	p.add(number, full, &set)
	if len(p.numbers) == pageSize {
		p.clip()
	}
	return nil
}

// Delete takes a template out and reports whether it was there. Its room is
// used again once half of its page is free.
func (g *Gallery) Delete(number uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, known := g.where[number]
	if !known {
		return false
	}
	delete(g.where, number)
	at.page.full[at.slot] = nil
	at.page.free++
	if 2*at.page.free >= len(at.page.numbers) {
		at.page.compact()
		for slot, n := range at.page.numbers {
			g.where[n] = place{at.page, slot}
		}
	}
	return true
}

// cylinders of a prepared template, in order of direction.
func cylinders(p *finger.Prepared) cylinder.Set {
	words, _ := p.Cylinders()
	return *cylinder.NewSet(finger.Words, words, p.Directions(nil))
}
