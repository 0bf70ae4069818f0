package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// Persona is who sits at the desk and what is wrong with them.
type Persona struct {
	Person       int
	Impostor     bool // another person sits at the camera
	WrongFinger  bool // the second impression comes from another finger
	TamperedChip bool // one byte of DG2 is changed
}

// Actor is the emulated person: hears the desk's prompts and moves.
type Actor struct {
	desk *Desk
	mu   sync.Mutex
	now  Persona
	// ended, if not nil, is told when a visit ends.
	ended func(station.View)
	last  string // visit whose end was told
}

// Seat lets p take the chair: card on the reader, face before the camera.
func (d *Desk) Seat(a *Actor, p Persona) error {
	a.mu.Lock()
	a.now = p
	a.mu.Unlock()
	face := p.Person
	if p.Impostor {
		face = (p.Person + 1) % persons.Count
	}
	if err := d.Person("camera", control.Command{Do: "sit", Person: face}); err != nil {
		return err
	}
	insert := control.Command{Do: "insert", Person: p.Person, Document: string(d.opts.Procedure), Personality: "cccd-2021"}
	if d.opts.Procedure == eid.ForeignerLevel2 {
		insert.Personality = "epassport-td3"
	}
	if p.TamperedChip {
		insert.Fault = "dg2-byte"
	}
	return d.Person("card", insert)
}

// Leave empties the chair.
func (d *Desk) Leave() error {
	if err := d.Person("card", control.Command{Do: "remove"}); err != nil {
		return err
	}
	return d.Person("camera", control.Command{Do: "leave"})
}

// WithActor runs do with an emulated person who hears the desk's prompts until
// do returns. ended, if not nil, is told when a visit ends.
func (d *Desk) WithActor(ctx context.Context, ended func(station.View), do func(context.Context, *Actor) error) error {
	a := &Actor{desk: d, ended: ended}
	acting, stop := context.WithCancel(ctx)
	connected := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { a.Run(acting, func() { close(connected) }) })
	defer running.Wait()
	defer stop()
	select {
	case <-connected:
		return do(ctx, a)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run reacts to the desk's prompts until ctx ends; it finds the daemon again
// after a restart. connected is called at the first connection.
func (a *Actor) Run(ctx context.Context, connected func()) {
	var once sync.Once
	for ctx.Err() == nil {
		_ = a.desk.screen().Events(ctx, func() { once.Do(connected) }, a.react)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (a *Actor) react(e station.Event) {
	switch {
	case e.Kind == "prompt" && e.Step == "finger":
		a.finger(e)
	case e.Kind == "visit" && e.Visit != nil && over(e.Visit.Step) && a.ended != nil && a.last != e.Visit.ID:
		a.last = e.Visit.ID
		a.ended(*e.Visit)
	}
}

func over(s station.Step) bool {
	return s == station.StepDone || s == station.StepRefused || s == station.StepAbandon
}

// finger places the finger that was asked for, or the neighbour if this person
// is told to err; each attempt is another impression.
func (a *Actor) finger(e station.Event) {
	if e.Text == "lift" {
		_ = a.desk.Person("scanner", control.Command{Do: "lift"})
		return
	}
	if e.Text != "place" {
		return
	}
	a.mu.Lock()
	p := a.now
	a.mu.Unlock()
	position := e.Position
	if p.WrongFinger && e.Nth > 1 {
		position = position%eid.LeftLittle + 1
	}
	_ = a.desk.Person("scanner", control.Command{Do: "place", Person: p.Person, Position: int(position), Impression: e.Nth})
}

// Key is what the officer types to open the persona's document.
func (d *Desk) Key(p Persona) (eid.AccessKey, error) {
	person, err := persons.Get(p.Person)
	if err != nil {
		return eid.AccessKey{}, err
	}
	id, number := person.Citizen, person.Citizen.PersonalNumber
	if d.opts.Procedure == eid.ForeignerLevel2 {
		id, number = person.Foreigner, person.Foreigner.DocumentNumber
	}
	return eid.AccessKey{Number: eid.Private(number), Birth: id.Birth, Expiry: id.Expiry}, nil
}

// Greeting tells the user of the demo who sits there and what to type.
func (d *Desk) Greeting(p Persona) string {
	key, err := d.Key(p)
	if err != nil {
		return err.Error()
	}
	expiry := string(key.Expiry)
	if expiry == "" {
		expiry = "none (không thời hạn)"
	}
	return fmt.Sprintf("synthetic person %d is at the desk: number %s, born %s, expiry %s", p.Person, key.Number.Reveal(), key.Birth, expiry)
}
