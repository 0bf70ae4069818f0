package serial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Info describes a serial port of this machine.
type Info struct {
	Path     string `json:"path"`               // /dev/ttyUSB0
	USBPath  string `json:"usb_path,omitempty"` // kernel's bus path, "1-10.2"; empty when not on USB
	VID      uint16 `json:"vid,omitempty"`
	PID      uint16 `json:"pid,omitempty"`
	Revision uint16 `json:"revision,omitempty"` // bcdDevice
	Product  string `json:"product,omitempty"`
	Serial   string `json:"serial,omitempty"`
}

// List returns the serial ports that have hardware behind them, by path. It
// only reads sysfs: the library's enumerator opens every ttyS port and resets
// its speed, which would disturb a scanner at work, and it does not tell the
// USB path that joins a port with its device.
func List() ([]Info, error) { return list("/sys") }

func list(sys string) ([]Info, error) {
	class := filepath.Join(sys, "class", "tty")
	entries, err := os.ReadDir(class)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list serial ports: %w", err)
	}
	var ports []Info
	for _, e := range entries {
		device := filepath.Join(class, e.Name(), "device")
		real, err := filepath.EvalSymlinks(device)
		if err != nil {
			continue // a console or a pseudo-terminal: no hardware
		}
		// An 8250 slot without a chip has type 0 (PORT_UNKNOWN).
		if attr(filepath.Join(class, e.Name()), "type") == "0" {
			continue
		}
		info := Info{Path: "/dev/" + e.Name()}
		if usb := usbParent(real); usb != "" {
			info.USBPath = filepath.Base(usb)
			info.VID, info.PID, info.Revision = hex16(usb, "idVendor"), hex16(usb, "idProduct"), hex16(usb, "bcdDevice")
			info.Product, info.Serial = attr(usb, "product"), attr(usb, "serial")
		}
		ports = append(ports, info)
	}
	sort.Slice(ports, func(i, j int) bool { return ports[i].Path < ports[j].Path })
	return ports, nil
}

// usbParent climbs from an interface or port to the USB device that holds it:
// two steps for CDC-ACM, three for a usb-serial bridge.
func usbParent(dir string) string {
	for range 4 {
		if attr(dir, "idVendor") != "" {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

const maxAttr = 4096 // sysfs never gives more than a page

func attr(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || len(b) > maxAttr {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func hex16(dir, name string) uint16 {
	v, err := strconv.ParseUint(attr(dir, name), 16, 16)
	if err != nil {
		return 0
	}
	return uint16(v)
}
