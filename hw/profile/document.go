package profile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:generate go test -run TestGenerated -update .

// Document writes docs/DEVICES.md. All of it but the first and the
// last paragraphs comes from the profiles.
func (s *Set) Document(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(head)
	for _, k := range []struct {
		kind  Kind
		title string
	}{
		{KindReader, "Chip readers"},
		{KindScanner, "Fingerprint scanners"},
		{KindCamera, "Cameras"},
		{KindMRZ, "Readers of the machine readable zone"},
		{KindBarcode, "Barcode readers"},
		{KindBridge, "Serial bridges"},
	} {
		s.section(&b, k.kind, k.title)
	}
	b.WriteString(tail)
	_, err := w.Write(b.Bytes())
	return err
}

const head = `# Devices

Generated from firmware-profiles by ` + "`make docs`" + `; do not edit. How to add one: [ADD-A-DEVICE.md](ADD-A-DEVICE.md).

How far a device has been tried:

- **claimed**: written from documents, never run
- **emulated**: run against this project's own emulated device only, never against the product
- **replay-verified**: run against a recording of the real device
- **hardware-verified**: run against the real device

` + "`enrold devices`" + ` shows which profile claims what is plugged in, or why none does.
`

const tail = `
## The emulated scanner's speed

` + "`emu-scanner`" + ` keeps the speed that driver and module agree on: at another one it neither hears nor is heard. The pseudo-terminal
itself carries bytes as fast as the machine can, so an image arrives in milliseconds; with ` + "`-baud-paced`" + ` it takes the time of the
real line, 10 bits a byte. Times measured without that flag say nothing of a real scanner's transfer: at 115200 baud a 256x288 image
needs 3.5 s and a 192x192 image 1.8 s with their packets' headers.
`

func (s *Set) section(b *bytes.Buffer, kind Kind, title string) {
	var of []Profile
	for _, p := range s.profiles {
		if p.Kind == kind {
			of = append(of, p)
		}
	}
	if len(of) == 0 {
		return
	}
	// What works comes first, the best tried of it at the top.
	rank := func(p Profile) int {
		return slices.Index([]Status{StatusHardware, StatusReplay, StatusEmulated, StatusClaimed, ""}, p.Status)
	}
	slices.SortStableFunc(of, func(a, b Profile) int { return cmp.Compare(rank(a), rank(b)) })
	fmt.Fprintf(b, "\n## %s\n\n| product | recognised by | profile | driver | status | facts |\n|---|---|---|---|---|---|\n", title)
	for _, p := range of {
		status := string(p.Status)
		if p.Driver == "" {
			status = "no driver; planned: " + p.Plan
		}
		facts := append([]string{p.Reason, p.tuning()}, p.Notes...)
		facts = append(facts, "Source: "+p.Provenance+".")
		facts = slices.DeleteFunc(facts, func(f string) bool { return f == "" })
		cells := []string{p.Vendor + " " + p.Product, p.recognised(), "`" + p.Name + "`", cmp.Or(p.Driver, "none"), status, strings.Join(facts, " ")}
		for i, c := range cells {
			cells[i] = strings.NewReplacer("|", "\\|", "\n", " ").Replace(c)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

func (p Profile) recognised() string {
	var by []string
	for _, m := range p.Match {
		var parts []string
		switch {
		case m.PID != 0:
			parts = append(parts, fmt.Sprintf("%04X:%04X", m.VID, m.PID))
		case m.VID != 0:
			parts = append(parts, fmt.Sprintf("%04X:*", m.VID))
		}
		if m.RevisionMax != 0 {
			parts = append(parts, fmt.Sprintf("revision %04X to %04X", m.RevisionMin, m.RevisionMax))
		}
		if m.Class != 0 {
			parts = append(parts, fmt.Sprintf("USB class %02X", m.Class))
		}
		if m.Name != "" {
			parts = append(parts, "name `"+m.Name+"`")
		}
		by = append(by, strings.Join(parts, ", "))
	}
	if len(by) == 0 {
		return "the desk's configuration"
	}
	return strings.Join(by, "; ")
}

// tuning says the numbers that matter to who buys the device.
func (p Profile) tuning() string {
	switch {
	case p.Reader != nil:
		t := fmt.Sprintf("APDUs %s, messages up to %d bytes.", p.Reader.APDU, p.Reader.MaxMessage)
		if p.Reader.Slot != "" {
			t += " Contactless slot: `" + p.Reader.Slot + "`."
		}
		if !p.Reader.PACE {
			t += " Not for PACE."
		}
		return t
	case p.Serial != nil && p.Serial.Width != 0:
		return fmt.Sprintf("%dx%d pixels, %d dpi, %d bits a pixel on the wire, %d baud.", p.Serial.Width, p.Serial.Height, p.Serial.DPI, p.Serial.BitsPerPixel, p.Serial.Bauds[0])
	case p.Camera != nil:
		return fmt.Sprintf("%dx%d at %d/s, %s.", p.Camera.Width, p.Camera.Height, p.Camera.FPS, p.Camera.FourCC)
	}
	return ""
}
