package profile

import (
	"bytes"
	"fmt"
	"io"
)

// Udev writes rules that let the group enrold open what a driver of ours
// serves: scanners on USB, and serial bridges, behind which scanners hang.
// Chip readers stay with pcscd and cameras with the group video.
func (s *Set) Udev(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Generated from firmware-profiles. Install as /etc/udev/rules.d/70-enrold.rules.\n")
	for _, p := range s.profiles {
		direct := p.Kind == KindScanner && p.Driver != ""
		if !direct && p.Kind != KindBridge {
			continue
		}
		for _, m := range p.Match {
			if m.PID == 0 {
				continue // a name alone is no ground for rights
			}
			fmt.Fprintf(&b, "# %s: %s\n", p.Name, p.Product) // a comment needs its own line
			if p.Kind == KindBridge {
				fmt.Fprintf(&b, "SUBSYSTEM==\"tty\", ATTRS{idVendor}==\"%04x\", ATTRS{idProduct}==\"%04x\", GROUP=\"enrold\", MODE=\"0660\", ENV{ID_MM_DEVICE_IGNORE}=\"1\"\n", m.VID, m.PID)
				continue
			}
			fmt.Fprintf(&b, "SUBSYSTEM==\"usb\", ATTR{idVendor}==\"%04x\", ATTR{idProduct}==\"%04x\", GROUP=\"enrold\", MODE=\"0660\"\n", m.VID, m.PID)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
