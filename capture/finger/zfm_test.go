package finger_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/capture/finger"
	"github.com/enrold/enrold/hw/emu/pty"
	"github.com/enrold/enrold/hw/emu/zfm"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/internal/eid"
)

// bench is an emulated module on a real pseudo-terminal.
type bench struct {
	device *zfm.Device
	pty    *pty.Terminal
	model  zfm.Model
	prof   profile.Profile
}

func newBench(t *testing.T, name string, paced bool) *bench {
	t.Helper()
	model, err := zfm.ModelNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	set, err := profile.Load("")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{device: zfm.New(model, paced), model: model}
	if b.prof, err = set.Named(name); err != nil {
		t.Fatal(err)
	}
	if b.pty, err = pty.Open(); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := b.device.Serve(b.pty); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() { b.pty.Close(); serving.Wait() })
	return b
}

func (b *bench) open(t *testing.T, limits finger.Limits) (*finger.ZFM, *serial.Port) {
	t.Helper()
	port, err := serial.Open(b.pty.Path, b.prof.Serial.Bauds[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	z, err := finger.Open(t.Context(), port, b.prof, limits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return z, port
}

// print is an image of 4-bit depth, which the wire keeps exactly.
func (b *bench) print(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, b.model.Width*b.model.Height)
	for i := range p {
		p[i] = byte(rng.IntN(16)) * 17
	}
	return p
}

// person places want after a while and lifts when told to.
func (b *bench) person(want []byte, after time.Duration) func(string) error {
	return func(code string) error {
		switch code {
		case finger.PromptPlace:
			time.AfterFunc(after, func() { _ = b.device.Place(want) })
		case finger.PromptLift:
			b.device.Lift()
		}
		return nil
	}
}

var short = finger.Limits{Place: 400 * time.Millisecond, Lift: 300 * time.Millisecond}

func TestCapture(t *testing.T) {
	for _, name := range []string{"zfm-20", "r503"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, name, false)
			z, _ := b.open(t, finger.Limits{Place: 5 * time.Second, Lift: time.Second})
			if z.Baud() != 115200 || b.device.Baud() != 115200 {
				t.Errorf("speed: driver %d, device %d, want 115200", z.Baud(), b.device.Baud())
			}
			for i := range 2 {
				want := b.print(uint64(i))
				s, err := z.Capture(t.Context(), b.person(want, 200*time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
				if s.Width != b.model.Width || s.Height != b.model.Height || s.DPI != b.prof.Serial.DPI {
					t.Errorf("geometry %dx%d at %d dpi", s.Width, s.Height, s.DPI)
				}
				if !bytes.Equal(s.Pixels, want) {
					t.Error("image differs from the finger's")
				}
				if s.Waited < 150*time.Millisecond || s.Waited > time.Second {
					t.Errorf("waited %v, the finger came after 200 ms", s.Waited)
				}
			}
		})
	}
}

// A module keeps its speed without power and after its driver was killed.
func TestOpenFindsSpeed(t *testing.T) {
	b := newBench(t, "zfm-20", false)
	slow := b.prof
	tune := *slow.Serial
	tune.Bauds = []int{19200, 57600}
	slow.Serial = &tune
	port, err := serial.Open(b.pty.Path, 57600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := finger.Open(t.Context(), port, slow, short, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if b.device.Baud() != 19200 {
		t.Fatalf("device at %d, want 19200", b.device.Baud())
	}
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	if z, _ := b.open(t, short); z.Baud() != 115200 {
		t.Errorf("speed %d after finding the device at 19200, want 115200", z.Baud())
	}
}

func TestNoFinger(t *testing.T) {
	b := newBench(t, "r503", false)
	z, _ := b.open(t, short)
	_, err := z.Capture(t.Context(), func(string) error { return nil })
	if eid.CodeOf(err) != eid.CodeNoFinger {
		t.Errorf("got %v, want %s", err, eid.CodeNoFinger)
	}
}

// A finger that is not lifted costs nothing now and is asked away before the
// next capture, so that one touch never counts as two impressions.
func TestFingerStays(t *testing.T) {
	b := newBench(t, "r503", false)
	z, _ := b.open(t, short)
	if err := b.device.Place(b.print(1)); err != nil {
		t.Fatal(err)
	}
	ignore := func(string) error { return nil }
	if _, err := z.Capture(t.Context(), ignore); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Capture(t.Context(), ignore); eid.CodeOf(err) != eid.CodeScanner {
		t.Errorf("second capture of the same touch: %v, want %s", err, eid.CodeScanner)
	}
	want := b.print(2)
	s, err := z.Capture(t.Context(), b.person(want, 50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Pixels, want) {
		t.Error("the old finger's image came again")
	}
}

func TestCancel(t *testing.T) {
	b := newBench(t, "r503", false)
	z, _ := b.open(t, finger.DefaultLimits)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	_, err := z.Capture(ctx, func(string) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if d := time.Since(start); d > 500*time.Millisecond {
		t.Errorf("cancelling took %v", d)
	}
}

// A driver that goes away in the middle of an image leaves the module sending;
// the next one must not take the rest for its own.
func TestReopenMidTransfer(t *testing.T) {
	b := newBench(t, "r503", true)
	z, port := b.open(t, finger.DefaultLimits)
	want := b.print(3)
	if err := b.device.Place(want); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := z.Capture(ctx, func(string) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("capture ended with %v, want the middle of the image", err)
	}
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	z, _ = b.open(t, finger.Limits{Place: 5 * time.Second, Lift: time.Second})
	s, err := z.Capture(t.Context(), b.person(want, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Pixels, want) {
		t.Error("image differs after opening again")
	}
}

func TestUnplug(t *testing.T) {
	b := newBench(t, "r503", false)
	z, _ := b.open(t, finger.DefaultLimits)
	time.AfterFunc(100*time.Millisecond, func() { b.pty.Close() })
	_, err := z.Capture(t.Context(), func(string) error { return nil })
	if eid.CodeOf(err) != eid.CodeNoScanner || !errors.Is(err, serial.ErrUnplugged) {
		t.Errorf("got %v, want %s over ErrUnplugged", err, eid.CodeNoScanner)
	}
}

func TestWrongPassword(t *testing.T) {
	b := newBench(t, "r503", false)
	tune := *b.prof.Serial
	tune.Password = 42
	b.prof.Serial = &tune
	port, err := serial.Open(b.pty.Path, 57600)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if _, err := finger.Open(t.Context(), port, b.prof, short, slog.New(slog.DiscardHandler)); eid.CodeOf(err) != eid.CodeScanner {
		t.Errorf("got %v, want %s", err, eid.CodeScanner)
	}
}
