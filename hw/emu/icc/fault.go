package icc

import (
	"fmt"

	"github.com/enrold/enrold/hw/emu/lds"
)

// Fault is something wrong with a card that the desk must notice.
type Fault struct {
	Name    string
	Meaning string
	apply   func(*lds.Chip) error
}

// Faults lists every fault that Options and the insert command know by name.
func Faults() []Fault {
	return []Fault{
		{"dg2-byte", "one byte of the portrait was changed after signing", (*lds.Chip).AlterPortrait},
	}
}

func applyFault(name string, chip *lds.Chip) error {
	if name == "" {
		return nil
	}
	for _, f := range Faults() {
		if f.Name == name {
			return f.apply(chip)
		}
	}
	return fmt.Errorf("unknown card fault %q", name)
}
