// Package v4l2 lists the cameras that the kernel knows, without opening them.
package v4l2

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Device is one video node.
type Device struct {
	Path    string // /dev/video0
	Number  int    // 0
	Name    string // as the driver calls it
	Capture bool   // false for a node that carries metadata only
	Vendor  string // USB ids, four hex digits; empty for other buses
	Product string
}

// List reads sysRoot/class/video4linux ("/sys" for this machine), by number. A
// machine without video devices has none; that is not an error.
func List(sysRoot string) ([]Device, error) {
	class := filepath.Join(sysRoot, "class", "video4linux")
	entries, err := os.ReadDir(class)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list cameras: %w", err)
	}
	var out []Device
	for _, e := range entries {
		number, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "video"))
		if err != nil || !strings.HasPrefix(e.Name(), "video") {
			continue // v4l-subdev0, vbi0, radio0
		}
		dir := filepath.Join(class, e.Name())
		d := Device{Path: "/dev/" + e.Name(), Number: number, Name: attribute(dir, "name")}
		// uvcvideo registers two nodes a camera: index 0 gives pictures, 1 metadata.
		index := attribute(dir, "index")
		d.Capture = index == "" || index == "0"
		d.Vendor, d.Product = usbIDs(filepath.Join(dir, "device"))
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Device) int { return cmp.Compare(a.Number, b.Number) })
	return out, nil
}

// usbIDs looks at the interface's parent, the USB device itself.
func usbIDs(device string) (vendor, product string) {
	real, err := filepath.EvalSymlinks(device)
	if err != nil {
		return "", ""
	}
	parent := filepath.Dir(real)
	return attribute(parent, "idVendor"), attribute(parent, "idProduct")
}

func attribute(dir, name string) string {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := make([]byte, 256) // one line of sysfs
	n, _ := f.Read(buf)
	return strings.TrimSpace(string(buf[:n]))
}
