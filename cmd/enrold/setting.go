package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/hw/usb"
	"github.com/enrold/enrold/hw/video/v4l2"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/match/face/format"
)

// portraitRecord puts a live frame into the face record that requests carry.
func portraitRecord(s eid.FaceSample) (eid.Blob, error) {
	return format.Write(format.Image{Data: s.Sent(), Width: s.Width, Height: s.Height})
}

// interior knows what this desk is made of: which USB device is behind a name,
// its serial number and firmware, and the digests of program, models, profiles.
type interior struct {
	cfg   config.Config
	rooms *rooms
	fixed func() (eid.Digest, error) // of the program: once, since it is large
}

// askWithin bounds the questions to the workers: an officer waits for them.
const askWithin = 500 * time.Millisecond

func newInterior(cfg config.Config, r *rooms) *interior {
	in := &interior{cfg: cfg, rooms: r}
	in.fixed = sync.OnceValues(digestProgram)
	return in
}

// describe implements station.Options.Setting.
func (in *interior) describe(ctx context.Context, used []eid.Device) (station.Setting, error) {
	set, err := profile.Load(profile.DropIn, in.cfg.Desk.Profiles())
	if err != nil {
		return station.Setting{Devices: used}, err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	bus, busErr := in.rooms.usb.List(ctx)
	s := station.Setting{Devices: slices.Clone(used)}
	var named []string
	for i := range s.Devices {
		in.identify(&s.Devices[i], bus, set)
		p, err := set.Named(s.Devices[i].Profile)
		if err == nil && !slices.Contains(named, p.Name) {
			named = append(named, p.Name)
			s.Digests = append(s.Digests, eid.Digest{Kind: "profile", Name: p.Name, SHA256: p.SHA256[:]})
		}
	}
	program, err := in.fixed()
	if err == nil {
		s.Digests = append([]eid.Digest{program}, s.Digests...)
	}
	// The vision worker has checked and loaded the models; no others take part.
	faces, faceErr := in.rooms.vision.Info(ctx)
	s.Digests = append(s.Digests, faces.Digests...)
	return s, errors.Join(busErr, err, faceErr)
}

// identify finds the USB device behind d: for the scanner that of its port, for
// the camera that of its node, for the reader the one whose product is in the
// reader's name.
func (in *interior) identify(d *eid.Device, bus []usb.Device, set *profile.Set) {
	switch d.Kind {
	case "scanner":
		d.Profile = in.cfg.Scanner.Profile
		_, d.Firmware, _ = strings.Cut(d.Name, "/") // the driver appends the system identifier
		ports, err := serial.List()
		if err != nil {
			return
		}
		for _, p := range ports {
			if p.Path == in.cfg.Scanner.Port {
				d.Serial = p.Serial
			}
		}
	case "camera":
		nodes, err := v4l2.List("/sys")
		if err != nil {
			return
		}
		for _, n := range nodes {
			for _, u := range bus {
				if n.Path == in.cfg.Camera.Source && n.Vendor == fmt.Sprintf("%04x", u.VID) && n.Product == fmt.Sprintf("%04x", u.PID) {
					found(d, u, set)
				}
			}
		}
	case "reader":
		for _, u := range bus {
			if u.Product != "" && strings.Contains(d.Name, u.Product) {
				found(d, u, set)
			}
		}
	}
}

// found copies what the bus says of a device, and which profile claims it.
func found(d *eid.Device, u usb.Device, set *profile.Set) {
	d.Serial, d.Firmware = u.Serial, fmt.Sprintf("%x.%02x", u.Revision>>8, u.Revision&0xff) // bcdDevice
	if p, ok := set.Claim(profile.Device{VID: u.VID, PID: u.PID, Revision: u.Revision, Classes: u.Classes, Name: u.Product}); ok {
		d.Profile = p.Name
	}
}

// digestProgram hashes this program.
func digestProgram() (eid.Digest, error) {
	path, err := os.Executable()
	if err != nil {
		return eid.Digest{}, fmt.Errorf("find own program: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return eid.Digest{}, fmt.Errorf("digest program: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return eid.Digest{}, fmt.Errorf("digest program: %w", err)
	}
	return eid.Digest{Kind: "program", Name: filepath.Base(path), SHA256: h.Sum(nil)}, nil
}
