package main

import (
	"context"
	"errors"
	"testing"

	"github.com/fxamacker/cbor/v2"

	hwusb "github.com/enrold/enrold/hw/usb"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker/usb"
	"github.com/enrold/enrold/internal/worker/vision"
)

// bus answers as the USB worker does, and as the vision worker.
type bus struct {
	devices []hwusb.Device
	err     error
}

func (b bus) Call(_ context.Context, _ string, _, out any, _ func(cbor.RawMessage)) error {
	if list, ok := out.(*[]hwusb.Device); ok {
		*list = b.devices
	}
	if info, ok := out.(*vision.Info); ok {
		info.Digests = []eid.Digest{{Kind: "model", Name: "m.onnx", SHA256: make([]byte, 32)}}
		return nil
	}
	return b.err
}

func TestSettingNamesDevicesAndDigests(t *testing.T) {
	cfg := config.Config{Scanner: config.Scanner{Profile: "zfm-20", Port: "/dev/none"}, Desk: config.Desk{Data: t.TempDir()}}
	used := []eid.Device{
		{Kind: "reader", Name: "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00", Origin: eid.OriginDevice},
		{Kind: "scanner", Name: "zfm-20/0009", Origin: eid.OriginDevice},
	}
	devices := []hwusb.Device{{VID: 1, Product: "Keyboard", Serial: "K"}, {VID: 0x072f, PID: 0x223b, Revision: 0x0107, Product: "ACR1252 Dual Reader", Serial: "S1"}}
	in := newInterior(cfg, &rooms{usb: usb.NewClient(bus{devices: devices}), vision: vision.NewClient(bus{})})
	s, err := in.describe(t.Context(), used)
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Devices[0]; r.Serial != "S1" || r.Firmware != "1.07" || r.Origin != eid.OriginDevice {
		t.Errorf("reader %+v", r)
	}
	if d := s.Devices[1]; d.Firmware != "0009" || d.Profile != "zfm-20" {
		t.Errorf("scanner %+v", d)
	}
	kinds := map[string]int{}
	for _, d := range s.Digests {
		kinds[d.Kind]++
		if len(d.SHA256) != 32 || d.Name == "" {
			t.Errorf("digest %+v", d)
		}
	}
	if kinds["program"] != 1 || kinds["model"] != 1 || kinds["profile"] < 1 {
		t.Errorf("digests %v", kinds)
	}
	if used[0].Serial != "" {
		t.Error("the caller's list was changed")
	}
	// A USB worker that died costs the serial numbers, and says so.
	in = newInterior(cfg, &rooms{usb: usb.NewClient(bus{err: errors.New("gone")}), vision: vision.NewClient(bus{})})
	if s, err := in.describe(t.Context(), used); err == nil || len(s.Devices) != 2 || s.Devices[0].Serial != "" || len(s.Digests) < 3 {
		t.Errorf("without the worker: %+v, %v", s, err)
	}
}
