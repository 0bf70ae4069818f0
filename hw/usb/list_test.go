package usb

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/gousb"
)

func TestDescribe(t *testing.T) {
	sys := t.TempDir()
	dir := filepath.Join(sys, "1-10.2")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "product"), []byte("U.are.U\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := &gousb.DeviceDesc{
		Bus: 1, Address: 7, Path: []int{10, 2}, Vendor: 0x05ba, Product: 0x000a, Device: 0x0100,
		Configs: map[int]gousb.ConfigDesc{1: {Interfaces: []gousb.InterfaceDesc{
			{AltSettings: []gousb.InterfaceSetting{{Class: 0xff}, {Class: 0xff}}},
			{AltSettings: []gousb.InterfaceSetting{{Class: 0x0e}}},
		}}},
	}
	got := describe(d, sys)
	want := Device{Path: "1-10.2", Bus: 1, Address: 7, VID: 0x05ba, PID: 0x000a, Revision: 0x0100, Classes: []uint8{0x0e, 0xff}, Product: "U.are.U"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Real libusb on whatever this machine has: a list or an error, never a crash.
func TestListOnThisMachine(t *testing.T) {
	devices, err := List()
	if err != nil {
		if _, noBus := os.Stat("/dev/bus/usb"); noBus != nil {
			t.Skipf("no USB on this machine: %v", err)
		}
		t.Fatal(err)
	}
	for i, d := range devices {
		if d.VID == 0 || d.Path == "" {
			t.Errorf("device %d without identity: %+v", i, d)
		}
	}
	t.Logf("%d devices", len(devices))
}
