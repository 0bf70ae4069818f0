// Package usb lists USB devices through libusb. libusb can end the process it
// runs in, so this package is for the usb worker only.
package usb

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/gousb"
)

// Device is one device as the bus enumerated it. Listing opens no device: a
// scanner at work is not disturbed and no rights are needed.
type Device struct {
	Path         string  `cbor:"path" json:"path"` // kernel's name of the place, "1-10.2"
	Bus          int     `cbor:"bus" json:"bus"`
	Address      int     `cbor:"address" json:"address"`
	VID          uint16  `cbor:"vid" json:"vid"`
	PID          uint16  `cbor:"pid" json:"pid"`
	Revision     uint16  `cbor:"revision" json:"revision"` // bcdDevice
	Classes      []uint8 `cbor:"classes" json:"classes"`   // of the device and its interfaces, without 0
	Manufacturer string  `cbor:"manufacturer,omitempty" json:"manufacturer,omitempty"`
	Product      string  `cbor:"product,omitempty" json:"product,omitempty"`
	Serial       string  `cbor:"serial,omitempty" json:"serial,omitempty"`
}

// List returns the devices by bus and address, without root hubs. A device
// whose descriptors cannot be read is left out when others can be.
func List() (devices []Device, err error) {
	ctx, err := newContext()
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := ctx.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("close libusb: %w", cerr)
		}
	}()
	var descs []*gousb.DeviceDesc
	// The opener always declines, so nothing is opened or has to be closed.
	_, err = ctx.OpenDevices(func(d *gousb.DeviceDesc) bool {
		descs = append(descs, d)
		return false
	})
	if err != nil && len(descs) == 0 {
		return nil, fmt.Errorf("list USB devices: %w", err)
	}
	for _, d := range descs {
		if len(d.Path) > 0 {
			devices = append(devices, describe(d, "/sys/bus/usb/devices"))
		}
	}
	slices.SortFunc(devices, func(a, b Device) int {
		if a.Bus != b.Bus {
			return a.Bus - b.Bus
		}
		return a.Address - b.Address
	})
	return devices, nil
}

// newContext turns gousb's panic at a failing libusb_init into an error.
func newContext() (ctx *gousb.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("start libusb: %v", r)
		}
	}()
	return gousb.NewContext(), nil
}

// describe takes the strings from sysfs, where the kernel keeps what it read at
// enumeration: asking the device again needs it opened and may time out.
func describe(d *gousb.DeviceDesc, sys string) Device {
	ports := make([]string, len(d.Path))
	for i, p := range d.Path {
		ports[i] = strconv.Itoa(p)
	}
	out := Device{
		Path: fmt.Sprintf("%d-%s", d.Bus, strings.Join(ports, ".")), Bus: d.Bus, Address: d.Address,
		VID: uint16(d.Vendor), PID: uint16(d.Product), Revision: uint16(d.Device), Classes: classes(d),
	}
	dir := filepath.Join(sys, out.Path)
	out.Manufacturer, out.Product, out.Serial = attr(dir, "manufacturer"), attr(dir, "product"), attr(dir, "serial")
	return out
}

func classes(d *gousb.DeviceDesc) []uint8 {
	found := []uint8{uint8(d.Class)}
	for _, c := range d.Configs {
		for _, i := range c.Interfaces {
			for _, a := range i.AltSettings {
				found = append(found, uint8(a.Class))
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	// Class 0 only says "see the interfaces".
	return slices.DeleteFunc(found, func(c uint8) bool { return c == 0 })
}

func attr(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
