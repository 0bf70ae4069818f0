package v4l2_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/enrold/enrold/hw/video/v4l2"
)

func TestList(t *testing.T) {
	sys := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		full := filepath.Join(sys, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	usb := "devices/pci0000:00/usb1/1-4"
	write(usb+"/idVendor", "046d")
	write(usb+"/idProduct", "085e")
	write(usb+"/1-4:1.0/interface", "camera")
	for name, index := range map[string]string{"video10": "1", "video2": "0"} {
		write("class/video4linux/"+name+"/name", "BRIO 4K")
		write("class/video4linux/"+name+"/index", index)
		if err := os.Symlink(filepath.Join(sys, usb, "1-4:1.0"), filepath.Join(sys, "class/video4linux", name, "device")); err != nil {
			t.Fatal(err)
		}
	}
	write("class/video4linux/video0/name", "platform camera")
	write("class/video4linux/v4l-subdev0/name", "sensor")
	got, err := v4l2.List(sys)
	if err != nil {
		t.Fatal(err)
	}
	want := []v4l2.Device{
		{Path: "/dev/video0", Name: "platform camera", Capture: true},
		{Path: "/dev/video2", Number: 2, Name: "BRIO 4K", Capture: true, Vendor: "046d", Product: "085e"},
		{Path: "/dev/video10", Number: 10, Name: "BRIO 4K", Vendor: "046d", Product: "085e"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := v4l2.List(t.TempDir()); err != nil || got != nil {
		t.Errorf("no class folder: %v, %v", got, err)
	}
}
