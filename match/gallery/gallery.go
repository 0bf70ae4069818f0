// Package gallery finds a face's template among up to millions held in memory
// (identification, 1:N): the k with the highest cosine similarity, exactly.
//
// Templates are of one model, of any dimension and of unit length. They are kept
// as float32, or as int8 with a scale per template, which takes a quarter of the
// memory and of the time; a search is exact with respect to what is kept. 16
// templates are interleaved, so that a scan is one stream through memory without
// a sum across the lanes of a register; see kernel for the order of the sums,
// which is the same on every processor.
//
// A gallery knows numbers and templates, never persons. It is personal data all
// the same: keep its memory out of the swap ([Memory]) and Close it.
package gallery

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

var (
	// ErrKnown means that the gallery has a template under that number.
	ErrKnown = errors.New("number is in the gallery already")
	// ErrTemplate means a template of another dimension, not of unit length, or
	// with a value that is no number.
	ErrTemplate = errors.New("template does not fit the gallery")
	// ErrClosed means that the gallery was closed.
	ErrClosed = errors.New("gallery is closed")
)

// Memory gives the pages that templates lie in. Alloc returns n zeroed bytes
// aligned to 64. Free gets exactly what Alloc returned, already wiped.
type Memory interface {
	Alloc(n int) ([]byte, error)
	Free([]byte) error
}

// Options of a gallery. Dimension is required.
type Options struct {
	Dimension int    // of the templates, 1 to 16384
	Int8      bool   // keep a quarter of the precision's bits
	Threads   int    // that a search may use; 0 means 1
	Kernel    Kernel // one of Supported, see Best; the zero value is portable Go
	Memory    Memory // nil: the Go heap
}

const maxDimension = 16384 // sums of int8 products stay far below 2^31

// Gallery is a set of templates, each under a number of the caller's choice. Any
// number of goroutines may use it. Adding and deleting wait for no search as a
// whole, only for the page that one is reading (4 MB).
//
// A search sees every template that was there from its beginning to its end, no
// template that was gone before it began, and may or may not see one that came
// or went meanwhile.
type Gallery struct {
	options Options
	layout  layout
	kernel  kernel
	pages   atomic.Pointer[[]*page] // grows only; searches read it without a lock

	mu     sync.Mutex // of what follows; held by Add, Delete and Close
	where  map[uint64]place
	free   []place // slots to fill again
	closed bool
}

type place struct {
	page *page
	slot int
}

// New returns an empty gallery.
func New(o Options) (*Gallery, error) {
	if o.Dimension < 1 || o.Dimension > maxDimension {
		return nil, fmt.Errorf("make gallery: dimension %d, want 1 to %d", o.Dimension, maxDimension)
	}
	if best := Supported(); o.Kernel > best[len(best)-1] {
		return nil, fmt.Errorf("make gallery: this processor lacks %v", o.Kernel)
	}
	if o.Memory == nil {
		o.Memory = heap{}
	}
	o.Threads = max(o.Threads, 1)
	g := &Gallery{options: o, layout: newLayout(o.Dimension, o.Int8), kernel: kernels(o.Kernel), where: map[uint64]place{}}
	g.pages.Store(new([]*page))
	return g, nil
}

// Len is how many templates the gallery has.
func (g *Gallery) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.where)
}

// Add copies a template into the gallery. The error wraps ErrKnown, ErrTemplate,
// ErrClosed or the memory's.
func (g *Gallery) Add(number uint64, t []float32) error {
	if err := g.layout.check(t); err != nil {
		return fmt.Errorf("add template: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return fmt.Errorf("add template: %w", ErrClosed)
	}
	if _, known := g.where[number]; known {
		return fmt.Errorf("add template: %w", ErrKnown)
	}
	if len(g.free) == 0 {
		if err := g.grow(); err != nil {
			return fmt.Errorf("add template: %w", err)
		}
	}
	last := len(g.free) - 1
	at := g.free[last]
	g.free = g.free[:last]
	at.page.put(&g.layout, at.slot, number, t)
	g.where[number] = at
	return nil
}

// grow adds a page as large as all others together, up to the largest.
func (g *Gallery) grow() error {
	blocks := min(max(len(g.where)/lanes, leastBlocks), g.layout.pageBlocks())
	p, err := newPage(g.options.Memory, &g.layout, blocks)
	if err != nil {
		return err
	}
	pages := append(slices.Clip(*g.pages.Load()), p) // a new array: searches keep the old one
	g.pages.Store(&pages)
	for slot := blocks*lanes - 1; slot >= 0; slot-- { // the first slot is taken first
		g.free = append(g.free, place{p, slot})
	}
	return nil
}

// Delete wipes a template and reports whether it was there. Its room is used
// again.
func (g *Gallery) Delete(number uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, known := g.where[number]
	if !known {
		return false
	}
	delete(g.where, number)
	at.page.wipe(&g.layout, at.slot)
	g.free = append(g.free, at)
	return true
}

// Close wipes everything and gives the memory back. Searches that are under way
// end first; later ones find nothing.
func (g *Gallery) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	pages := *g.pages.Load()
	g.pages.Store(new([]*page))
	g.closed, g.where, g.free = true, map[uint64]place{}, nil
	var errs []error
	for _, p := range pages {
		errs = append(errs, p.close(g.options.Memory))
	}
	return errors.Join(errs...)
}

// Bytes is the size of the templates' pages: what a search reads.
func (g *Gallery) Bytes() int {
	n := 0
	for _, p := range *g.pages.Load() {
		n += len(p.data)
	}
	return n
}

// ReadAll reads the pages as a search does and does nothing else: the sum of
// their 64-bit words. It is what a search's speed is measured against.
func (g *Gallery) ReadAll() uint64 {
	var sum uint64
	for _, p := range *g.pages.Load() {
		p.mu.RLock()
		if len(p.data) > 0 {
			sum += g.kernel.read(&p.data[0], len(p.data)/chunkBytes)
		}
		p.mu.RUnlock()
	}
	return sum
}
