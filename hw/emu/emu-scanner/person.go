package main

import (
	"fmt"
	"sync"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/hw/emu/zfm"
	"github.com/enrold/enrold/internal/eid"
)

// person is whoever stands at the scanner.
type person struct {
	device *zfm.Device
	model  zfm.Model

	mu    sync.Mutex
	grown map[uint64]*ridge.Finger // growing one takes some 150 ms
}

// act does what the person does.
func (p *person) act(c control.Command) error {
	switch c.Do {
	case "place":
		return p.place(c)
	case "lift":
		p.device.Lift()
		return nil
	}
	return fmt.Errorf("a scanner knows place and lift, not %q", c.Do)
}

func (p *person) place(c control.Command) error {
	who, err := persons.Get(c.Person)
	if err != nil {
		return err
	}
	position := eid.FingerPosition(c.Position)
	if position < eid.RightThumb || position > eid.LeftLittle {
		return fmt.Errorf("no finger position %d: 1 to 10", c.Position)
	}
	f := p.finger(who.FingerSeed(position))
	return p.device.Place(f.Impression(c.Impression, ridge.Window{Width: p.model.Width, Height: p.model.Height}).Pixels)
}

func (p *person) finger(seed uint64) *ridge.Finger {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grown == nil {
		p.grown = map[uint64]*ridge.Finger{}
	}
	if p.grown[seed] == nil {
		p.grown[seed] = ridge.Grow(seed)
	}
	return p.grown[seed]
}
