package gallery

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"unsafe"
)

const (
	pageBytes   = 4 << 20 // a search holds a page for some 0.1 ms
	chunkBytes  = 256     // pages are whole chunks; see kernel.read
	leastBlocks = 4
	lineBytes   = 4 * lanes
)

// layout says how templates lie in a block; see kernel.
type layout struct {
	dimension int
	int8      bool
	padded    int // values of a template with the zeros behind them
	block     int // bytes
}

func newLayout(dimension int, int8 bool) layout {
	l := layout{dimension: dimension, int8: int8}
	if int8 {
		l.padded = (dimension + 15) &^ 15
		l.block = l.padded*lanes + lineBytes
	} else {
		l.padded = (dimension + 3) &^ 3
		l.block = l.padded * lineBytes
	}
	return l
}

func (l *layout) pageBlocks() int { return max(pageBytes/l.block, leastBlocks) }

// check refuses what is not a template of this gallery: Σv² within 1 % of 1.
func (l *layout) check(t []float32) error {
	if len(t) != l.dimension {
		return fmt.Errorf("%w: %d values, want %d", ErrTemplate, len(t), l.dimension)
	}
	var square float64
	for _, v := range t {
		square += float64(v) * float64(v)
	}
	if !(math.Abs(square-1) <= 0.01) { // NaN and infinities, too
		return fmt.Errorf("%w: not of unit length", ErrTemplate)
	}
	return nil
}

// page holds templates in one piece of memory.
type page struct {
	mu      sync.RWMutex
	data    []byte   // blocks, then zeros up to a whole chunk; nil once closed
	numbers []uint64 // by slot
	alive   []uint16 // a bit a slot, by block
}

func newPage(m Memory, l *layout, blocks int) (*page, error) {
	n := (blocks*l.block + chunkBytes - 1) &^ (chunkBytes - 1)
	data, err := m.Alloc(n)
	if err != nil {
		return nil, err
	}
	if len(data) != n || uintptr(unsafe.Pointer(&data[0]))%lineBytes != 0 {
		return nil, fmt.Errorf("memory for a page: %d bytes, not %d aligned to %d", len(data), n, lineBytes)
	}
	return &page{data: data, numbers: make([]uint64, blocks*lanes), alive: make([]uint16, blocks)}, nil
}

func (p *page) put(l *layout, slot int, number uint64, t []float32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	block, lane := p.data[slot/lanes*l.block:][:l.block], slot%lanes
	if l.int8 {
		scale := quantise(t, func(i int, v int8) {
			block[i/4*lineBytes+4*lane+i%4] = byte(int(v) + 128)
		})
		binary.NativeEndian.PutUint32(block[l.padded*lanes+4*lane:], math.Float32bits(scale))
	} else {
		for i, v := range t {
			binary.NativeEndian.PutUint32(block[i*lineBytes+4*lane:], math.Float32bits(v))
		}
	}
	p.numbers[slot] = number
	p.alive[slot/lanes] |= 1 << lane
}

func (p *page) wipe(l *layout, slot int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	block, lane := p.data[slot/lanes*l.block:][:l.block], slot%lanes
	for at := 4 * lane; at < len(block); at += lineBytes { // the scale, too
		clear(block[at:][:4])
	}
	p.numbers[slot] = 0
	p.alive[slot/lanes] &^= 1 << lane
}

func (p *page) close(m Memory) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	data := p.data
	clear(data)
	p.data, p.numbers, p.alive = nil, nil, nil
	return m.Free(data)
}

// quantise calls put with each value divided by the returned scale and rounded,
// ties to even; the largest magnitude becomes 127.
func quantise(t []float32, put func(i int, v int8)) (scale float32) {
	for _, v := range t {
		scale = max(scale, v, -v)
	}
	scale /= 127
	for i, v := range t {
		q := math.RoundToEven(float64(v) / float64(scale))
		put(i, int8(max(-127, min(127, q))))
	}
	return scale
}

// heap is the Go heap as Memory.
type heap struct{}

func (heap) Alloc(n int) ([]byte, error) {
	room := make([]byte, n+lineBytes)
	skip := -int(uintptr(unsafe.Pointer(&room[0]))) & (lineBytes - 1)
	return room[skip:][:n:n], nil
}

func (heap) Free([]byte) error { return nil }
