package uplink

import (
	"math/rand/v2"
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
