// Package inventory joins what this machine's buses list with the profiles: for
// each device, which profile claims it or why none does.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/hw/usb"
	"github.com/enrold/enrold/hw/video/v4l2"
	"github.com/enrold/enrold/internal/eid"
)

// Reader is a card reader: its name, what it says of its slot ("empty", "card",
// …) and, where its name does not tell, the name of its profile.
type Reader struct {
	Name    string
	State   string
	Profile string
}

// Scanner is the fingerprint scanner that the desk's configuration names.
type Scanner struct {
	Port    string
	Profile string
	State   string // "ready at 115200 baud"; empty when Err says why not
	Err     error
}

// Camera is the camera that the desk's configuration names.
type Camera struct {
	Source string
}

// Sources are asked at the same time; a nil one is left out. One that fails,
// since its worker died or its library is missing, becomes a row.
type Sources struct {
	USB     func(ctx context.Context) ([]usb.Device, error)
	Serial  func(ctx context.Context) ([]serial.Info, error)
	Readers func(ctx context.Context) ([]Reader, error)
	Cameras func(ctx context.Context) ([]v4l2.Device, error)
	Scanner func(ctx context.Context) (Scanner, error)
	Camera  *Camera
}

// Row is one device, or one source that could not be asked.
type Row struct {
	Bus     string         `json:"bus"`   // usb, serial, pcsc, camera
	Where   string         `json:"where"` // bus path, device node, reader name
	ID      string         `json:"id,omitempty"`
	Name    string         `json:"name,omitempty"`
	On      string         `json:"on,omitempty"` // USB path of the device behind a node
	Profile string         `json:"profile,omitempty"`
	Driver  string         `json:"driver,omitempty"`
	Status  profile.Status `json:"status,omitempty"`
	State   string         `json:"state,omitempty"`
	Reason  string         `json:"reason,omitempty"` // why no driver claims it, or what failed
	Failure eid.Code       `json:"failure,omitempty"`
}

// limit bounds each source; a worker that hangs costs its own row only.
const limit = 5 * time.Second

// Collect asks every source and returns the rows by bus.
func Collect(ctx context.Context, src Sources, set *profile.Set) []Row {
	c := collector{set: set}
	var asking sync.WaitGroup
	results := make([][]Row, 5)
	for i, ask := range []func(context.Context) []Row{
		func(ctx context.Context) []Row { return listed(ctx, "usb", src.USB, c.usb) },
		func(ctx context.Context) []Row { return listed(ctx, "serial", src.Serial, c.serial) },
		func(ctx context.Context) []Row { return listed(ctx, "pcsc", src.Readers, c.reader) },
		func(ctx context.Context) []Row { return listed(ctx, "camera", src.Cameras, c.camera) },
		func(ctx context.Context) []Row { return listed(ctx, "serial", one(src.Scanner), c.scanner) },
	} {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			results[i] = ask(ctx)
		})
	}
	asking.Wait()
	return slices.Concat(results[0], configured(results[1], results[4]), results[2], c.source(results[3], src.Camera))
}

func one[T any](ask func(context.Context) (T, error)) func(context.Context) ([]T, error) {
	if ask == nil {
		return nil
	}
	return func(ctx context.Context) ([]T, error) {
		v, err := ask(ctx)
		return []T{v}, err
	}
}

func listed[T any](ctx context.Context, bus string, ask func(context.Context) ([]T, error), row func(T) Row) []Row {
	if ask == nil {
		return nil
	}
	items, err := ask(ctx)
	if err != nil {
		return []Row{{Bus: bus, Where: "-", Reason: err.Error(), Failure: eid.CodeOf(err)}}
	}
	var rows []Row
	for _, item := range items {
		r := row(item)
		r.Bus = bus
		rows = append(rows, r)
	}
	return rows
}

type collector struct{ set *profile.Set }

// claim fills in the profile that recognises d.
func (c collector) claim(r *Row, d profile.Device) {
	p, ok := c.set.Claim(d)
	if !ok {
		r.Reason = unclaimed(d)
		return
	}
	r.take(p)
}

func (r *Row) take(p profile.Profile) {
	r.Profile, r.Driver, r.Status, r.Reason = p.Name, p.Driver, p.Status, p.Reason
}

func unclaimed(d profile.Device) string {
	for _, c := range d.Classes {
		switch c {
		case 0x09:
			return "a hub"
		case 0x0b:
			return "a CCID reader without a profile: served with default values over PC/SC"
		}
	}
	if d.VID == 0 {
		return "no profile fits its name"
	}
	return fmt.Sprintf("no profile for %04x:%04x", d.VID, d.PID)
}

func id(vid, pid uint16) string {
	if vid == 0 {
		return ""
	}
	return fmt.Sprintf("%04x:%04x", vid, pid)
}

func (c collector) usb(d usb.Device) Row {
	r := Row{Where: d.Path, ID: id(d.VID, d.PID), Name: strings.TrimSpace(d.Manufacturer + " " + d.Product)}
	c.claim(&r, profile.Device{VID: d.VID, PID: d.PID, Revision: d.Revision, Classes: d.Classes, Name: r.Name})
	return r
}

func (c collector) serial(p serial.Info) Row {
	r := Row{Where: p.Path, ID: id(p.VID, p.PID), Name: p.Product, On: p.USBPath}
	if p.VID == 0 {
		r.Reason = "a port of the machine: what hangs on it cannot be recognised"
		return r
	}
	c.claim(&r, profile.Device{VID: p.VID, PID: p.PID, Revision: p.Revision, Name: p.Product})
	return r
}

func (c collector) reader(x Reader) Row {
	r := Row{Where: x.Name, State: x.State}
	if p, err := c.set.Named(x.Profile); err == nil {
		r.take(p)
	} else {
		c.claim(&r, profile.Device{Name: x.Name})
	}
	if p, err := c.set.Named(r.Profile); err == nil && p.Reader != nil && !p.Reader.PACE {
		r.Reason = "not for PACE: it asks for no waiting time extensions"
	}
	if r.Profile == "" {
		r.Driver, r.Reason = "pcsc", "no profile fits its name: served with default values"
	}
	return r
}

func (c collector) camera(d v4l2.Device) Row {
	r := Row{Where: d.Path, Name: d.Name}
	if d.Vendor != "" {
		r.ID = d.Vendor + ":" + d.Product
	}
	if !d.Capture {
		r.Reason = "carries metadata, no pictures"
		return r
	}
	// Every V4L2 capture node behaves as a UVC camera does for us.
	c.claim(&r, profile.Device{Name: d.Name, Classes: []uint8{0x0e}})
	return r
}

func (c collector) scanner(s Scanner) Row {
	r := Row{Where: s.Port, State: s.State}
	p, err := c.set.Named(s.Profile)
	if err == nil {
		r.Name = p.Vendor + " " + p.Product
		r.take(p)
	}
	if err := errors.Join(err, s.Err); err != nil {
		r.Reason, r.Failure = err.Error(), eid.CodeNoScanner
		if s.Err != nil {
			r.Failure = eid.CodeOf(s.Err)
		}
	}
	return r
}

// configured lets the scanner named by the configuration take the place of the
// bare port it hangs on, whose bridge says nothing of it.
func configured(ports, scanners []Row) []Row {
	for _, s := range scanners {
		found := false
		for i, p := range ports {
			if resolve(p.Where) == resolve(s.Where) && s.Where != "-" {
				s.ID, s.On = p.ID, p.On
				ports[i], found = s, true
			}
		}
		if !found {
			ports = append(ports, s)
		}
	}
	return ports
}

func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// source adds the configured camera when it is none of the machine's nodes.
func (c collector) source(cameras []Row, named *Camera) []Row {
	if named == nil || named.Source == "" {
		return cameras
	}
	for i := range cameras {
		number := strings.TrimPrefix(cameras[i].Where, "/dev/video")
		if resolve(cameras[i].Where) == resolve(named.Source) || number == named.Source {
			cameras[i].State = "configured"
			return cameras
		}
	}
	r := Row{Bus: "camera", Where: named.Source, State: "configured"}
	if p, err := c.set.Named("mjpeg-stream"); err == nil && !strings.HasPrefix(named.Source, "/dev/") {
		r.take(p)
	} else {
		r.Reason, r.Failure = "no such camera on this machine", eid.CodeNoCamera
	}
	return append(cameras, r)
}
