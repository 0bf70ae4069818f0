package pad

import (
	"sort"
	"time"
)

// A blink lasts 100 to 400 ms: at 25 frames a second two to ten frames.
const (
	shutShare    = 0.6 // of the person's own opening: below, the eyes are shut
	openShare    = 0.8 // above, they are open again
	longestShut  = 600 * time.Millisecond
	baselineTime = 4 * time.Second
	leastSamples = 5
)

// Blinks counts blinks by the opening of the eyes (height over width, by
// landmarks). It compares with the person's own opening, since eyes are not
// equally wide.
type Blinks struct {
	Count int

	recent []opening // of the last seconds, oldest first
	shut   time.Time // since when; zero while open
}

type opening struct {
	at    time.Time
	value float64
}

// See takes the next frame's opening. It reports whether a blink ended in it.
func (b *Blinks) See(at time.Time, value float64) bool {
	b.recent = append(b.recent, opening{at, value})
	for len(b.recent) > 0 && at.Sub(b.recent[0].at) > baselineTime {
		b.recent = b.recent[1:]
	}
	if len(b.recent) < leastSamples {
		return false
	}
	normal := b.normal()
	switch {
	case value < shutShare*normal:
		if b.shut.IsZero() {
			b.shut = at
		}
	case value > openShare*normal && !b.shut.IsZero():
		short := at.Sub(b.shut) <= longestShut
		b.shut = time.Time{}
		if short {
			b.Count++
		}
		return short
	}
	return false
}

// normal is the upper quartile of the recent openings: most of the time eyes are open.
func (b *Blinks) normal() float64 {
	v := make([]float64, len(b.recent))
	for i, o := range b.recent {
		v[i] = o.value
	}
	sort.Float64s(v)
	return v[3*len(v)/4]
}
