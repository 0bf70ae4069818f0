package uplink

import (
	"sync"
	"time"
)

// A chunk is what one PATCH carries. The central answers once a chunk, and what
// it has got of a chunk that is cut off it keeps: so a chunk may be long, and
// its length decides only how often a lane stands still for a round trip.
const (
	firstChunk = 64 << 10
	minChunk   = 16 << 10
	maxChunk   = 4 << 20 // wire.MaxChunk
	chunkTime  = 30 * time.Second
	// wholeTime is how long a request may take to be sent in one piece.
	wholeTime = 2 * time.Second
)

// pace measures what the link carries for the lane whose turn it is.
type pace struct {
	mu   sync.Mutex
	rate float64 // bytes per second; 0 while unknown
}

// sent tells that n bytes took so long, from the first byte to the answer.
func (p *pace) sent(n int, took time.Duration) {
	if n < minChunk/2 || took <= 0 {
		return // mostly round trip: says nothing
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := float64(n) / took.Seconds()
	if p.rate == 0 {
		p.rate = r
		return
	}
	p.rate += (r - p.rate) / 4
}

// chunk returns the bytes of the next chunk.
func (p *pace) chunk() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate == 0 {
		return firstChunk
	}
	return int(min(max(p.rate*chunkTime.Seconds(), minChunk), maxChunk))
}

// whole says whether a request of size bytes is so short for this link that it
// goes in one piece.
func (p *pace) whole(size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return float64(size) < p.rate*wholeTime.Seconds()
}
