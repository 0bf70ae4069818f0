package inventory

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/hw/usb"
	"github.com/enrold/enrold/hw/video/v4l2"
	"github.com/enrold/enrold/internal/eid"
)

func collect(t *testing.T, src Sources) []Row {
	t.Helper()
	set, err := profile.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return Collect(t.Context(), src, set)
}

func TestCollectJoins(t *testing.T) {
	dir := t.TempDir()
	port, link := filepath.Join(dir, "ttyUSB0"), filepath.Join(dir, "scanner")
	if err := os.WriteFile(port, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(port, link); err != nil {
		t.Fatal(err)
	}
	rows := collect(t, Sources{
		USB: func(context.Context) ([]usb.Device, error) {
			return []usb.Device{
				{Path: "1-1", VID: 0x1a86, PID: 0x7523, Product: "USB Serial"},
				{Path: "1-2", VID: 0x05ba, PID: 0x000a, Product: "U.are.U 4500"},
				{Path: "1-3", VID: 0x1234, PID: 0x5678},
			}, nil
		},
		Serial: func(context.Context) ([]serial.Info, error) {
			return []serial.Info{{Path: port, USBPath: "1-1", VID: 0x1a86, PID: 0x7523}, {Path: "/dev/ttyS0"}}, nil
		},
		Readers: func(context.Context) ([]Reader, error) {
			return []Reader{{Name: "Virtual PCD 00 00", State: "empty"}, {Name: "Strange Reader 00"}, {Name: "ACS ACR122U 00 00"}, {Name: "PN532 /dev/ttyS9", Profile: "pn532-hsu"}}, nil
		},
		Cameras: func(context.Context) ([]v4l2.Device, error) {
			return []v4l2.Device{{Path: "/dev/video0", Name: "HD Cam", Capture: true}, {Path: "/dev/video1", Name: "HD Cam"}}, nil
		},
		Scanner: func(context.Context) (Scanner, error) {
			return Scanner{Port: link, Profile: "zfm-20", State: "ready at 115200 baud"}, nil
		},
		Camera: &Camera{Source: "0"},
	})
	want := []Row{
		{Bus: "usb", Where: "1-1", Profile: "uart-bridge"},
		{Bus: "usb", Where: "1-2", Profile: "digitalpersona-4500"},
		{Bus: "usb", Where: "1-3"},
		{Bus: "serial", Where: link, Profile: "zfm-20", Driver: "zfm", State: "ready at 115200 baud"},
		{Bus: "serial", Where: "/dev/ttyS0"},
		{Bus: "pcsc", Where: "Virtual PCD 00 00", Profile: "virtual-pcd", Driver: "pcsc", State: "empty"},
		{Bus: "pcsc", Where: "Strange Reader 00", Driver: "pcsc"},
		{Bus: "pcsc", Where: "ACS ACR122U 00 00", Profile: "acr122u", Driver: "pcsc"},
		{Bus: "pcsc", Where: "PN532 /dev/ttyS9", Profile: "pn532-hsu", Driver: "pn532"},
		{Bus: "camera", Where: "/dev/video0", Profile: "uvc-camera", Driver: "opencv", State: "configured"},
		{Bus: "camera", Where: "/dev/video1"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d: %+v", len(rows), len(want), rows)
	}
	for i, w := range want {
		g := rows[i]
		if g.Bus != w.Bus || g.Where != w.Where || g.Profile != w.Profile || g.Driver != w.Driver || g.State != w.State {
			t.Errorf("row %d: %+v, want %+v", i, g, w)
		}
		if g.Driver == "" && g.Reason == "" {
			t.Errorf("row %d (%s %s): neither driver nor reason", i, g.Bus, g.Where)
		}
	}
	if !strings.Contains(rows[7].Reason, "not for PACE") {
		t.Errorf("a reader unfit for PACE: %+v", rows[7])
	}
	if rows[3].On != "1-1" || rows[3].ID != "1a86:7523" {
		t.Errorf("the scanner lost its port's place: %+v", rows[3])
	}
}

// A dead worker is a row; the others are listed all the same.
func TestCollectWithFailures(t *testing.T) {
	rows := collect(t, Sources{
		USB: func(context.Context) ([]usb.Device, error) {
			return nil, eid.Fail(eid.CodeDeviceRestarted, "list", errors.New("worker process ended"))
		},
		Readers: func(context.Context) ([]Reader, error) { return []Reader{{Name: "Virtual PCD 00 00"}}, nil },
		Scanner: func(context.Context) (Scanner, error) {
			return Scanner{Port: "/dev/ttyUSB9", Profile: "r503", Err: eid.Fail(eid.CodeNoScanner, "open scanner", nil)}, nil
		},
		Camera: &Camera{Source: "unix:/run/x.sock"},
	})
	if len(rows) != 4 {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	if rows[0].Failure != eid.CodeDeviceRestarted || rows[0].Reason == "" {
		t.Errorf("dead worker: %+v", rows[0])
	}
	if rows[1].Failure != eid.CodeNoScanner || rows[1].Profile != "r503" {
		t.Errorf("missing scanner: %+v", rows[1])
	}
	if rows[3].Profile != "mjpeg-stream" || rows[3].Status != profile.StatusEmulated {
		t.Errorf("configured stream: %+v", rows[3])
	}
}

// What a device calls itself must not reach the terminal raw.
func TestPrintCleans(t *testing.T) {
	var out bytes.Buffer
	if err := Print(&out, []Row{{Bus: "usb", Where: "1-1", Name: "evil\x1b[2J\tname\nrow"}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "\x1b") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("printed %q", out.String())
	}
}
