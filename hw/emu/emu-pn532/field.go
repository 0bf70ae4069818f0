package main

import (
	"fmt"
	"os"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/pn532"
)

// field is the module's field and what the person lays into it.
type field struct {
	module           *pn532.Module
	photos, portrait string
}

// act does what the person does.
func (f *field) act(c control.Command) error {
	switch c.Do {
	case "insert":
		return f.insert(c)
	case "remove":
		f.module.Take()
		return nil
	}
	return fmt.Errorf("a card reader knows insert and remove, not %q", c.Do)
}

func (f *field) insert(c control.Command) error {
	spec := lds.Spec{
		Personality: c.Personality, Document: c.Document, Curve: c.Curve, Cipher: c.Cipher, Signature: c.Signature, PadDG2: c.PadDG2,
	}
	chip, err := f.load(c.Person, spec)
	if err != nil {
		return err
	}
	card, err := icc.New(chip, icc.Options{Fault: c.Fault, MaxResponse: c.MaxResponse})
	if err != nil {
		return err
	}
	f.module.Put(card)
	return nil
}

func (f *field) load(person int, spec lds.Spec) (*lds.Chip, error) {
	if f.portrait == "" {
		return lds.LoadSpec(person, f.photos, spec)
	}
	p, err := persons.Get(person)
	if err != nil {
		return nil, err
	}
	portrait, err := os.ReadFile(f.portrait)
	if err != nil {
		return nil, fmt.Errorf("read portrait: %w", err)
	}
	return lds.Make(p, portrait, spec)
}
