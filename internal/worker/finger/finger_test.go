package finger_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/finger"
	"github.com/enrold/enrold/match/finger/format"
	"github.com/enrold/enrold/match/finger/wsq"
)

var (
	_ station.FingerScanner = (*finger.Client)(nil)
	_ station.FingerMatcher = (*finger.Client)(nil)
)

// emulator is the built emu-scanner program.
var emulator string

// TestMain is also the worker process: the supervisor starts this binary again
// with the arguments "serve-finger PORT PROFILE".
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "serve-finger" {
		if err := serve(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "emu-scanner-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	emulator = filepath.Join(dir, "emu-scanner")
	if out, err := exec.Command("go", "build", "-o", emulator, "github.com/enrold/enrold/hw/emu/emu-scanner").CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

func serve(port, prof string) error {
	cfg := config.Config{Scanner: config.Scanner{Port: port, Profile: prof, Origin: eid.OriginEmulated}}
	handlers, closeAll, err := finger.Handlers(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	defer closeAll()
	return worker.Child(context.Background(), handlers)
}

// desk is a run folder with the emulator program and a supervised worker.
type desk struct {
	t      *testing.T
	dir    string
	prof   string
	args   []string
	emu    *exec.Cmd
	worker *worker.Handle
	client *finger.Client
}

func newDesk(t *testing.T, prof string, args ...string) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), prof: prof, args: args}
	d.plug()
	d.worker = worker.NewHandle("finger", []string{os.Args[0], "serve-finger", filepath.Join(d.dir, "scanner.tty"), prof}, slog.New(slog.DiscardHandler), nil)
	d.client = finger.NewClient(d.worker)
	ctx, cancel := context.WithCancel(context.Background())
	var supervising sync.WaitGroup
	supervising.Go(func() { d.worker.Run(ctx) })
	t.Cleanup(func() { cancel(); supervising.Wait(); d.unplug(syscall.SIGTERM) })
	return d
}

func (d *desk) plug() {
	d.t.Helper()
	d.emu = exec.Command(emulator, append([]string{"-run-dir", d.dir, "-profile", d.prof}, d.args...)...)
	d.emu.Stderr = os.Stderr
	out, err := d.emu.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.emu.Start(); err != nil {
		d.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		d.t.Fatalf("emulator said %q, %v", line, err)
	}
}

func (d *desk) unplug(how syscall.Signal) {
	_ = d.emu.Process.Signal(how)
	_ = d.emu.Wait()
}

func (d *desk) person(do string, person, position, impression int) {
	d.t.Helper()
	cmd := control.Command{Do: do, Person: person, Position: position, Impression: impression}
	if err := control.Send(filepath.Join(d.dir, "scanner.sock"), cmd); err != nil {
		d.t.Error(err)
	}
}

// capture takes an impression of one finger of person 0, placed when asked.
func (d *desk) capture(position eid.FingerPosition, finger, impression int) (eid.FingerSample, error) {
	return d.client.CaptureFinger(d.t.Context(), position, func(code string) {
		switch code {
		case "place":
			d.person("place", 0, finger, impression)
		case "lift":
			d.person("lift", 0, 0, 0)
		}
	})
}

func TestVisitOfTwoFingers(t *testing.T) {
	for _, prof := range []string{"zfm-20", "r503"} {
		t.Run(prof, func(t *testing.T) {
			d := newDesk(t, prof)
			take := func(finger, impression int) eid.FingerSample {
				t.Helper()
				began := time.Now()
				s, err := d.capture(eid.RightIndex, finger, impression)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("captured in %v, %v of it the person's, quality %d", time.Since(began), s.Waited, s.Quality)
				return s
			}
			a, b, other := take(2, 0), take(2, 1), take(7, 0)
			if img, dpi, err := wsq.Decode(a.WSQ); err != nil || dpi != a.DPI || img.Rect.Dx() != a.Width || img.Rect.Dy() != a.Height {
				t.Errorf("WSQ of %d bytes: %v", len(a.WSQ), err)
			}
			if r, kind, err := format.ReadMinutiae(a.Minutiae); err != nil || kind != format.ISO2005 || len(r.Views[0].Minutiae) < 12 || r.Views[0].Position != a.Position {
				t.Errorf("minutiae record of %d bytes: %s, %v", len(a.Minutiae), kind, err)
			}
			t.Logf("WSQ %d bytes of %d, minutiae record %d", len(a.WSQ), len(a.Pixels), len(a.Minutiae))
			if a.Origin != eid.OriginEmulated || a.Position != eid.RightIndex || a.Waited <= 0 || a.Quality == 0 {
				t.Errorf("sample: origin %q, position %d, waited %v, quality %d", a.Origin, a.Position, a.Waited, a.Quality)
			}
			began := time.Now()
			same, err := d.client.CompareFinger(t.Context(), a, b)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("compared in %v: %.3f of %.3f", time.Since(began), same.Score, same.Threshold)
			if !same.Pass || same.Quality != min(a.Quality, b.Quality) {
				t.Errorf("two impressions of one finger: %+v", same)
			}
			wrong, err := d.client.CompareFinger(t.Context(), a, other)
			if err != nil {
				t.Fatal(err)
			}
			if wrong.Pass {
				t.Errorf("two different fingers pass: %+v", wrong)
			}
		})
	}
}

// kill -9 in the middle of an image: a device error, and the next capture works
// although the module is still sending the rest of the old one.
func TestWorkerKilledMidTransfer(t *testing.T) {
	d := newDesk(t, "r503", "-baud-paced")
	placed := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		<-placed
		time.Sleep(600 * time.Millisecond)
		if err := syscall.Kill(d.worker.State().PID, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}()
	lifted := false
	_, err := d.client.CaptureFinger(t.Context(), eid.RightThumb, func(code string) {
		if code == "place" {
			d.person("place", 0, 1, 0)
			close(placed)
		}
		lifted = lifted || code == "lift"
	})
	<-killed
	if eid.CodeOf(err) != eid.CodeDeviceRestarted || lifted {
		t.Fatalf("got %v (image complete: %v), want %s in the middle", err, lifted, eid.CodeDeviceRestarted)
	}
	began := time.Now()
	if _, err := d.capture(eid.RightThumb, 1, 1); err != nil {
		t.Fatalf("after the restart: %v", err)
	}
	t.Logf("captured again %v after the kill", time.Since(began))
}

// The scanner is unplugged during a capture, and plugged in again later.
func TestUnplugAndReplug(t *testing.T) {
	d := newDesk(t, "r503")
	time.AfterFunc(300*time.Millisecond, func() { _ = d.emu.Process.Kill() })
	_, err := d.client.CaptureFinger(t.Context(), eid.RightThumb, nil)
	if eid.CodeOf(err) != eid.CodeNoScanner {
		t.Fatalf("unplugged during capture: %v, want %s", err, eid.CodeNoScanner)
	}
	d.unplug(syscall.SIGKILL)
	if _, err = d.client.CaptureFinger(t.Context(), eid.RightThumb, nil); eid.CodeOf(err) != eid.CodeNoScanner {
		t.Fatalf("while unplugged: %v, want %s", err, eid.CodeNoScanner)
	}
	if info, err := d.client.Info(t.Context()); err != nil || info.Failure != eid.CodeNoScanner {
		t.Errorf("info while unplugged: %+v, %v", info, err)
	}
	d.plug()
	if _, err := d.capture(eid.RightThumb, 1, 0); err != nil {
		t.Fatalf("plugged in again: %v", err)
	}
	if info, err := d.client.Info(t.Context()); err != nil || info.Baud != 115200 || info.Device != "r503/0000" {
		t.Errorf("info: %+v, %v", info, err)
	}
}

func TestPortHeldElsewhere(t *testing.T) {
	d := newDesk(t, "r503")
	port, err := serial.Open(filepath.Join(d.dir, "scanner.tty"), 57600)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if _, err := d.client.CaptureFinger(t.Context(), eid.RightThumb, nil); eid.CodeOf(err) != eid.CodeDeviceBusy {
		t.Errorf("got %v, want %s", err, eid.CodeDeviceBusy)
	}
}

func TestCancelledCaptureFreesScanner(t *testing.T) {
	d := newDesk(t, "r503")
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	if _, err := d.client.CaptureFinger(ctx, eid.RightThumb, nil); err == nil {
		t.Fatal("a capture without a finger succeeded")
	}
	if _, err := d.capture(eid.RightThumb, 1, 0); err != nil {
		t.Fatalf("after a cancelled capture: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	d := newDesk(t, "r503")
	if _, err := d.client.CaptureFinger(t.Context(), 11, nil); eid.CodeOf(err) != eid.CodeInput {
		t.Errorf("position 11: %v", err)
	}
	blank := eid.FingerSample{Position: 1, Width: 192, Height: 192, DPI: 500, Pixels: make([]byte, 5)}
	if _, err := d.client.CompareFinger(t.Context(), blank, blank); eid.CodeOf(err) != eid.CodeInput {
		t.Errorf("pixels missing: %v", err)
	}
}
