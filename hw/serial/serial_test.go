package serial

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/pty"
)

// TestMain is also "another process" that tries to open a port.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "open" {
		p, err := Open(os.Args[2], 57600)
		switch {
		case errors.Is(err, ErrBusy):
			os.Exit(3)
		case err != nil:
			os.Exit(4)
		}
		p.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func elsewhere(t *testing.T, path string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "open", path)
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func terminal(t *testing.T) *pty.Terminal {
	t.Helper()
	pty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	return pty
}

// TIOCEXCL does not stop root; the lock does, in this process and in others.
func TestLock(t *testing.T) {
	pty := terminal(t)
	defer pty.Close()
	p, err := Open(pty.Path, 57600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(pty.Path, 57600); !errors.Is(err, ErrBusy) {
		t.Errorf("second open here: %v, want ErrBusy", err)
	}
	if code := elsewhere(t, pty.Path); code != 3 {
		t.Errorf("second open in another process: exit %d, want 3", code)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if code := elsewhere(t, pty.Path); code != 0 {
		t.Errorf("open after close: exit %d, want 0", code)
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open("/dev/ttyNone0", 57600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such port: %v", err)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(plain, 57600); err == nil {
		t.Error("a plain file was opened as a port")
	}
}

func TestReadWrite(t *testing.T) {
	pty := terminal(t)
	defer pty.Close()
	p, err := Open(pty.Path, 57600)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	start := time.Now()
	if _, err := p.ReadTimeout(buf, 80*time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("read of nothing: %v, want ErrTimeout", err)
	}
	if d := time.Since(start); d < 70*time.Millisecond || d > time.Second {
		t.Errorf("a time-out of 80 ms took %v", d)
	}
	// All byte values pass: no line editing, no flow control.
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if _, err := pty.Write(all); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for len(got) < len(all) {
		n, err := p.ReadTimeout(buf, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if !reflect.DeepEqual(got, all) {
		t.Errorf("received % x", got)
	}
	if _, err := p.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if n, err := pty.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("the device got %q, %v", buf[:n], err)
	}
	if _, err := pty.Write([]byte("old speed")); err != nil {
		t.Fatal(err)
	}
	if err := p.SetBaud(115200); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReadTimeout(buf, 20*time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("bytes of the old speed survived: %v", err)
	}
	if baud, err := pty.Baud(); err != nil || baud != 115200 {
		t.Errorf("the line is at %d, %v", baud, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReadTimeout(buf, time.Second); !errors.Is(err, ErrClosed) {
		t.Errorf("read after Close: %v, want ErrClosed", err)
	}
}

// A pulled plug under a blocked read is not our own Close, and stays so.
func TestUnplug(t *testing.T) {
	pty := terminal(t)
	p, err := Open(pty.Path, 57600)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	time.AfterFunc(50*time.Millisecond, func() { pty.Close() })
	if _, err := p.ReadTimeout(make([]byte, 1), 5*time.Second); !errors.Is(err, ErrUnplugged) {
		t.Errorf("blocked read: %v, want ErrUnplugged", err)
	}
	if _, err := p.Write([]byte{1}); !errors.Is(err, ErrUnplugged) {
		t.Errorf("write: %v, want ErrUnplugged", err)
	}
	if err := p.SetBaud(9600); !errors.Is(err, ErrUnplugged) {
		t.Errorf("set speed: %v, want ErrUnplugged", err)
	}
}

// Layouts of sysfs as Linux 6.1 makes them for a CDC-ACM device, a CH340
// bridge, an 8250 port with and without a chip, and a console.
func TestList(t *testing.T) {
	sys := t.TempDir()
	put := func(path, value string) {
		t.Helper()
		full := filepath.Join(sys, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(tty, target string) {
		t.Helper()
		dir := filepath.Join(sys, "class/tty", tty)
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(filepath.Join(sys, target), 0o755),
			os.Symlink(filepath.Join(sys, target), filepath.Join(dir, "device"))); err != nil {
			t.Fatal(err)
		}
	}
	usb := "devices/pci0000:00/0000:00:14.0/usb1/"
	put(usb+"1-2/idVendor", "1a86")
	put(usb+"1-2/idProduct", "7523")
	put(usb+"1-2/bcdDevice", "0264")
	put(usb+"1-2/product", "USB Serial")
	link("ttyUSB0", usb+"1-2/1-2:1.0/ttyUSB0")
	put(usb+"1-10.3/idVendor", "0525")
	put(usb+"1-10.3/idProduct", "a4a7")
	put(usb+"1-10.3/serial", "42")
	link("ttyACM0", usb+"1-10.3/1-10.3:1.0")
	link("ttyS0", "devices/pnp0/00:04")
	put("class/tty/ttyS0/type", "4")
	link("ttyS1", "devices/platform/serial8250")
	put("class/tty/ttyS1/type", "0")
	if err := os.MkdirAll(filepath.Join(sys, "class/tty/tty1"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := list(sys)
	if err != nil {
		t.Fatal(err)
	}
	want := []Info{
		{Path: "/dev/ttyACM0", USBPath: "1-10.3", VID: 0x0525, PID: 0xa4a7, Serial: "42"},
		{Path: "/dev/ttyS0"},
		{Path: "/dev/ttyUSB0", USBPath: "1-2", VID: 0x1a86, PID: 0x7523, Revision: 0x0264, Product: "USB Serial"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if ports, err := list(filepath.Join(sys, "nowhere")); err != nil || ports != nil {
		t.Errorf("no sysfs: %v, %v", ports, err)
	}
	if _, err := List(); err != nil {
		t.Errorf("this machine: %v", err)
	}
}
