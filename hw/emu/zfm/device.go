// Package zfm is the device side of the R503/ZFM serial fingerprint protocol:
// what the module's firmware does. It shares no code with the driver
// (capture/finger), so that a misreading of the manual on one side shows.
package zfm

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// Model is what distinguishes the products.
type Model struct {
	Name          string
	Width, Height int    // pixels
	System        uint16 // system identifier code of ReadSysPara
	Capacity      uint16 // size of the template library
	RingLight     bool   // has AuraLedConfig
}

// Models by profile name.
var models = []Model{
	{Name: "zfm-20", Width: 256, Height: 288, System: 0x0009, Capacity: 1000},
	{Name: "r503", Width: 192, Height: 192, System: 0x0000, Capacity: 200, RingLight: true},
}

// ModelNamed returns the model called name.
func ModelNamed(name string) (Model, error) {
	for _, m := range models {
		if m.Name == name {
			return m, nil
		}
	}
	return Model{}, fmt.Errorf("no emulated scanner %q", name)
}

// Line is the serial line as the module's UART sees it.
type Line interface {
	io.Reader
	io.Writer
	// Baud is the speed at which the other side talks and listens. A module
	// set to another speed receives and sends only noise.
	Baud() (int, error)
}

// factory settings (R503 manual 1.2.2, SetSysPara).
const (
	factoryBaud = 57600
	factorySize = 2 // 128 bytes
	address     = 0xffffffff
)

// Device is one powered module. Its settings survive the other side's closing
// of the line.
type Device struct {
	model Model
	paced bool

	mu     sync.Mutex
	finger []byte // 8-bit image of the finger on the glass, nil when there is none
	image  []byte // ImageBuffer
	baud   int
	size   uint16 // code of the data packet size
}

// New returns a module as it leaves the factory. With paced it sends no faster
// than its speed allows, as a real line does.
func New(model Model, paced bool) *Device {
	return &Device{model: model, paced: paced, baud: factoryBaud, size: factorySize}
}

// Place puts a finger on the glass: width*height gray pixels. It stays until
// Lift or the next Place.
func (d *Device) Place(pixels []byte) error {
	if len(pixels) != d.model.Width*d.model.Height {
		return fmt.Errorf("finger has %d pixels, the sensor %d", len(pixels), d.model.Width*d.model.Height)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finger = pixels
	return nil
}

// Lift takes the finger away.
func (d *Device) Lift() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finger = nil
}

// Baud is the module's speed.
func (d *Device) Baud() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.baud
}

// Serve answers instructions on line until reading fails; io.EOF and io.ErrClosedPipe
// end it without an error.
func (d *Device) Serve(line Line) error {
	var r receiver
	buf := make([]byte, 256)
	for {
		n, err := line.Read(buf)
		if err == nil {
			err = d.receive(line, &r, buf[:n])
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve line: %w", err)
		}
	}
}

// receive executes every command that b completes.
func (d *Device) receive(line Line, r *receiver, b []byte) error {
	theirs, err := line.Baud()
	if err != nil {
		return err
	}
	if theirs != d.Baud() {
		r.clear() // framing errors
		return nil
	}
	for _, v := range b {
		if cmd, ok := r.push(v); ok {
			if err := d.execute(line, cmd); err != nil {
				return err
			}
		}
	}
	return nil
}
