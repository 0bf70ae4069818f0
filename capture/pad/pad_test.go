package pad

import (
	"errors"
	"image"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

const frame = 40 * time.Millisecond

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func inOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// act plays yaw angles and openings, one a frame.
func act(c *Challenge, at time.Time, track uint64, looks ...Look) time.Time {
	for _, l := range looks {
		at = at.Add(frame)
		l.At, l.Track = at, track
		c.See(l)
	}
	return at
}

func yaws(values ...float64) (out []Look) {
	for _, v := range values {
		out = append(out, Look{Yaw: v, Eyes: 0.3})
	}
	return out
}

func openings(values ...float64) (out []Look) {
	for _, v := range values {
		out = append(out, Look{Eyes: v})
	}
	return out
}

func TestTurnsAndBlinks(t *testing.T) {
	c := NewChallenge(Asked{Kinds: []Kind{TurnLeft, TurnRight, Blink}, Count: 3}, inOrder)
	want := func(k Kind) {
		t.Helper()
		if got, ok := c.Next(); got != k || !ok {
			t.Fatalf("asks for %q, want %q", got, k)
		}
	}
	want(TurnLeft)
	at := act(c, start, 1, yaws(0, -20, -25, -20, 0, 18, 2, 5)...) // the wrong way, then one frame only
	want(TurnLeft)
	at = act(c, at, 1, yaws(5, 16, 22, 25, 14)...) // not yet straight again
	want(TurnLeft)
	at = act(c, at, 1, yaws(3)...)
	want(TurnRight)
	at = act(c, at, 1, yaws(-17, -20, -4)...)
	want(Blink)
	at = act(c, at, 1, openings(0.3, 0.31, 0.3, 0.29, 0.3, 0.22, 0.3)...) // a narrowing is no blink
	want(Blink)
	act(c, at, 1, openings(0.1, 0.05, 0.12, 0.3)...)
	if k, ok := c.Next(); ok {
		t.Errorf("asks for %q when all is done", k)
	}
	done := []eid.PresentationCheck{{Kind: "turn_left", Done: true}, {Kind: "turn_right", Done: true}, {Kind: "blink", Done: true}}
	if got := c.Result(); !reflect.DeepEqual(got, done) || c.Blinks() != 1 {
		t.Errorf("%+v, %d blinks", got, c.Blinks())
	}
}

// TestAnotherFaceStartsAnew: what one face did is never put down to the next.
func TestAnotherFaceStartsAnew(t *testing.T) {
	c := NewChallenge(Asked{Kinds: []Kind{TurnLeft, Blink}, Count: 2}, inOrder)
	at := act(c, start, 1, yaws(0, 20, 20, 0)...)
	if len(c.Result()) != 1 {
		t.Fatal("the turn is not seen")
	}
	act(c, at, 2, yaws(0)...)
	if k, _ := c.Next(); k != TurnLeft || len(c.Result()) != 0 {
		t.Errorf("asks for %q with %v", k, c.Result())
	}
}

func TestNobodyAnswers(t *testing.T) {
	c := NewChallenge(Asked{Kinds: []Kind{Blink}, Count: 1}, inOrder)
	act(c, start, 1, yaws(make([]float64, 130)...)...)
	if got := c.Result(); !reflect.DeepEqual(got, []eid.PresentationCheck{{Kind: "blink"}}) {
		t.Errorf("a photograph gives %+v", got)
	}
	none := NewChallenge(Asked{}, nil)
	none.See(Look{At: start, Track: 1})
	if _, ok := none.Next(); ok || none.Longest() != 0 {
		t.Error("asks without being told to")
	}
}

func TestChoiceIsRandom(t *testing.T) {
	seen := map[Kind]bool{}
	for range 200 {
		k, _ := NewChallenge(Asked{Kinds: Kinds(true), Count: 1}, nil).Next()
		seen[k] = true
	}
	if len(seen) != 3 {
		t.Errorf("only asks for %v", seen)
	}
}

func TestLongShutEyesAreNoBlink(t *testing.T) {
	var b Blinks
	at := start
	for range 10 {
		at = at.Add(frame)
		b.See(at, 0.3)
	}
	for range 25 { // a second
		at = at.Add(frame)
		b.See(at, 0.05)
	}
	if b.See(at.Add(frame), 0.3) || b.Count != 0 {
		t.Errorf("%d blinks", b.Count)
	}
}

type model struct {
	p   float64
	err error
}

func (m model) Manifest() face.Manifest { return face.Manifest{ID: "m"} }

func (m model) Live(*image.RGBA, image.Rectangle) (float64, error) { return m.p, m.err }

func TestSignal(t *testing.T) {
	box := image.Rect(10, 10, 110, 130)
	for _, c := range []struct {
		models Models
		box    image.Rectangle
		want   eid.LiveSignal
		fails  bool
	}{
		{nil, box, eid.LiveUnknown, false},
		{Models{model{p: 1}}, image.Rect(0, 0, 10, 10), eid.LiveUnknown, false},
		{Models{model{p: 0.9}, model{p: 0.7}}, box, eid.LiveLikely, false},
		{Models{model{p: 0.9}, model{p: 0}}, box, eid.LiveUnsure, false},
		{Models{model{p: 0.1}}, box, eid.LiveUnlikely, false},
		{Models{model{p: math.NaN()}}, box, eid.LiveUnknown, true},
		{Models{model{err: errors.New("broken")}}, box, eid.LiveUnknown, true},
	} {
		got, err := c.models.Signal(nil, c.box)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%+v: %s, %v", c.models, got, err)
		}
	}
	if got := Worst(eid.LiveLikely, eid.LiveUnknown, eid.LiveUnsure); got != eid.LiveUnsure {
		t.Errorf("worst is %s", got)
	}
}
