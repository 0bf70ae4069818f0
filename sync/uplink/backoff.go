package uplink

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Full-jitter back-off: a uniform time between zero and a ceiling that doubles.
// For the first tries the ceiling stays low, since most outages are a cable or
// a restart and an attempt at a dead address costs nothing; a long outage gets
// a long ceiling.
const (
	firstCeiling = 200 * time.Millisecond
	shortCeiling = 2 * time.Second
	longCeiling  = time.Minute
	shortTries   = 60
)

func ceiling(tries int) time.Duration {
	limit := shortCeiling
	if tries >= shortTries {
		tries -= shortTries - 4
		limit = longCeiling
	}
	if tries > 10 {
		return limit
	}
	return min(firstCeiling<<tries, limit)
}

// delay before the next try after tries failures.
func delay(tries int) time.Duration { return rand.N(ceiling(tries)) }

type backOff struct{ tries int }

func (b *backOff) next() time.Duration {
	d := delay(b.tries)
	b.tries++
	return d
}

func (b *backOff) reset() { b.tries = 0 }

// A refusal that concerns the desk or its certificate does not pass by itself
// within seconds: each probe that is refused doubles the time to the next.
const (
	firstRefusal = 2 * time.Second
	lastRefusal  = time.Hour
)

// breaker stops all traffic while the central refuses this desk as such. When
// its time is over one small announcement is the probe: only when that is
// answered does anything else go out.
type breaker struct {
	mu    sync.Mutex
	wait  time.Duration
	until time.Time
}

func (b *breaker) trip(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.until) {
		return // the same refusal, seen by another lane
	}
	b.wait = min(max(2*b.wait, firstRefusal), lastRefusal)
	b.until = now.Add(b.wait/2 + rand.N(b.wait/2))
}

func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wait, b.until = 0, time.Time{}
}

// state returns the time of the next probe, and whether the breaker is open or
// half open: tripped, and no probe let in since.
func (b *breaker) state(time.Time) (probe time.Time, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until, b.wait > 0
}

// later holds back single requests that failed by themselves.
type later struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// A request that failed by itself waits longer each time.
const (
	firstLater = time.Second
	lastLater  = time.Hour
)

// put holds id back after its attempts so far, and returns until when.
func (l *later) put(id string, attempts int, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := min(firstLater<<min(attempts, 12), lastLater)
	l.until[id] = now.Add(d/2 + rand.N(d/2))
	return l.until[id]
}

// at returns until when id is held back; a time that is past is forgotten.
func (l *later) at(id string, now time.Time) (until time.Time, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, held = l.until[id]
	if held && !now.Before(until) {
		delete(l.until, id)
		held = false
	}
	return until, held
}

func (l *later) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.until)
}
