package pad

import (
	"math/rand/v2"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Kind is something that a person is asked to do before the camera. The words
// are guidance codes for the screen.
type Kind string

const (
	TurnLeft  Kind = "turn_left" // of the person
	TurnRight Kind = "turn_right"
	Blink     Kind = "blink"
)

// Kinds are those that can be seen: without landmarks nobody sees a blink.
func Kinds(landmarks bool) []Kind {
	if landmarks {
		return []Kind{TurnLeft, TurnRight, Blink}
	}
	return []Kind{TurnLeft, TurnRight}
}

// Asked says which active checks a desk makes: so many, of these kinds.
type Asked struct {
	Kinds []Kind
	Count int
}

const (
	timeForOne  = 5 * time.Second
	turnedFrom  = 15.0 // degrees of yaw, well beyond what a portrait shows
	straightTo  = 8.0
	staysTurned = 2 // frames, so that one wrong landmark is not a turn
)

// Look is what one frame tells an active check.
type Look struct {
	At    time.Time
	Track uint64  // as long as it is the same, one face is followed
	Yaw   float64 // degrees, to the person's left positive
	Eyes  float64 // opening, height over width; below 0 where it is not known
}

// Challenge asks for the checks one after the other. It starts anew with
// another face: what one person did is never put down to the next.
type Challenge struct {
	order []Kind
	done  []eid.PresentationCheck

	track   uint64
	began   time.Time
	blinks  Blinks
	turned  int
	waiting bool // turned, to look straight again
}

// NewChallenge chooses order and kinds at random, so that a film made before
// does not fit. shuffle is rand.Perm-like; nil for the runtime's random source.
func NewChallenge(a Asked, shuffle func(n int) []int) *Challenge {
	if shuffle == nil {
		shuffle = rand.Perm
	}
	c := &Challenge{}
	for _, i := range shuffle(len(a.Kinds)) {
		if len(c.order) < a.Count {
			c.order = append(c.order, a.Kinds[i])
		}
	}
	return c
}

// Next is what the person is asked for now; false when all are over.
func (c *Challenge) Next() (Kind, bool) {
	if len(c.done) >= len(c.order) {
		return "", false
	}
	return c.order[len(c.done)], true
}

// See takes the next frame.
func (c *Challenge) See(l Look) {
	if l.Track != c.track {
		c.track = l.Track
		c.done = nil
		c.restart(l.At)
		c.blinks = Blinks{}
	}
	kind, ok := c.Next()
	if !ok || l.Track == 0 {
		return
	}
	blinked := l.Eyes >= 0 && c.blinks.See(l.At, l.Eyes)
	switch {
	case kind == Blink && blinked, kind != Blink && c.turn(kind, l.Yaw):
		c.end(kind, true, l.At)
	case l.At.Sub(c.began) > timeForOne:
		c.end(kind, false, l.At)
	}
}

// turn is over when the person, having turned the right way, looks straight again.
func (c *Challenge) turn(kind Kind, yaw float64) bool {
	if kind == TurnRight {
		yaw = -yaw
	}
	if yaw >= turnedFrom {
		c.turned++
	} else if !c.waiting {
		c.turned = 0
	}
	c.waiting = c.waiting || c.turned >= staysTurned
	return c.waiting && yaw < straightTo && yaw > -straightTo
}

func (c *Challenge) end(kind Kind, done bool, at time.Time) {
	c.done = append(c.done, eid.PresentationCheck{Kind: string(kind), Done: done})
	c.restart(at)
}

func (c *Challenge) restart(at time.Time) { c.began, c.turned, c.waiting = at, 0, false }

// Result are the checks that are over, of the face that is followed now.
func (c *Challenge) Result() []eid.PresentationCheck {
	return append([]eid.PresentationCheck(nil), c.done...)
}

// Blinks seen while checks were open.
func (c *Challenge) Blinks() int { return c.blinks.Count }

// Longest is how long all checks may take together.
func (c *Challenge) Longest() time.Duration { return time.Duration(len(c.order)) * timeForOne }
