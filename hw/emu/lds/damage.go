package lds

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"slices"

	"github.com/enrold/enrold/hw/emu/lds/ber"
)

// Damage is something wrong with a chip's content.
type Damage struct {
	Name, Meaning string
	apply         func(*Chip) error
}

// Damages lists every damage that Chip.Damage knows.
func Damages() []Damage {
	return []Damage{
		{"wrong-hash", "one byte of the portrait was changed after signing", (*Chip).AlterPortrait},
		{"dg2-byte", "the same as wrong-hash", (*Chip).AlterPortrait},
		{"wrong-signer", "the document signer's certificate names the authority, but another key signed it", func(c *Chip) error { return c.sign(forged) }},
		{"unknown-signer", "an authority that nobody trusts issued the document signer's certificate", func(c *Chip) error { return c.sign(unknown) }},
		{"expired-dsc", "the document signer's certificate had run out before it signed", func(c *Chip) error { return c.sign(expired) }},
		{"garbage-tlv", "DG1 holds signed nonsense", (*Chip).garble},
		{"huge-length", "DG2 states a length of two gigabytes", (*Chip).inflate},
	}
}

// Damage applies the damage of that name.
func (c *Chip) Damage(name string) error {
	for _, d := range Damages() {
		if d.Name == name {
			return d.apply(c)
		}
	}
	return fmt.Errorf("unknown damage %q to a chip", name)
}

// garble puts nonsense into DG1 and signs it: every hash is right, the content
// no object at all.
func (c *Chip) garble() error {
	if c.groups == nil {
		return errors.New("garble DG1: the chip was not made from a person")
	}
	c.groups[1] = ber.TLV(0x61, []byte{0x5F, 0x1F, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0x5F})
	return c.sign(sound)
}

// inflate writes a length of 7FFFFFFF into DG2's header.
func (c *Chip) inflate() error {
	file := c.Files[DG(2)]
	if len(file) < 6 {
		return errors.New("inflate DG2: there is none")
	}
	c.Files[DG(2)] = append([]byte{0x75, 0x84, 0x7F, 0xFF, 0xFF, 0xFF}, file[6:]...)
	return nil
}

// AlterPortrait changes one byte of the portrait in DG2 after signing, as a
// forger would: the image still decodes and looks different, the hash in the
// security object no longer fits. The byte lies as late in the compressed data
// as that allows, so most of the face stays.
func (c *Chip) AlterPortrait() error {
	file := c.Files[DG(2)]
	start := bytes.Index(file, []byte{0xFF, 0xD8, 0xFF})
	if start < 0 {
		return errors.New("alter portrait: no JPEG in DG2")
	}
	before, err := jpeg.Decode(bytes.NewReader(file[start:]))
	if err != nil {
		return errors.New("alter portrait: the JPEG in DG2 does not decode")
	}
	altered := slices.Clone(file)
	// The last four bytes may be padding bits and the end marker.
	for i := len(file) - 5; i > len(file)/2; i-- {
		if slices.Contains(file[i-1:i+2], 0xFF) { // markers and stuffing stay
			continue
		}
		altered[i] ^= 0x10
		after, err := jpeg.Decode(bytes.NewReader(altered[start:]))
		if err == nil && altered[i] != 0xFF && !same(before, after) {
			c.Files[DG(2)] = altered
			return nil
		}
		altered[i] = file[i]
	}
	return errors.New("alter portrait: no byte can change without breaking the JPEG")
}

func same(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}
