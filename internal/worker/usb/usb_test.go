package usb_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/usb"
)

// TestMain is also the worker process, started with the argument "serve-usb".
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != "serve-usb" {
		os.Exit(m.Run())
	}
	handlers, _, err := usb.Handlers(config.Config{}, slog.New(slog.DiscardHandler))
	if err == nil {
		err = worker.Child(context.Background(), handlers)
	}
	if err != nil {
		os.Exit(1)
	}
}

// Twice, since a libusb context is made and ended for each list.
func TestListThroughWorker(t *testing.T) {
	h := worker.NewHandle("usb", []string{os.Args[0], "serve-usb"}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(t.Context())
	var supervising sync.WaitGroup
	supervising.Go(func() { h.Run(ctx) })
	defer supervising.Wait()
	defer cancel()
	client := usb.NewClient(h)
	for range 2 {
		devices, err := client.List(ctx)
		if err != nil {
			if _, noBus := os.Stat("/dev/bus/usb"); noBus != nil {
				t.Skipf("no USB on this machine: %v", err)
			}
			t.Fatal(err)
		}
		for _, d := range devices {
			if d.VID == 0 || d.Path == "" {
				t.Errorf("device without identity: %+v", d)
			}
		}
	}
	if n := h.State().Restarts; n != 0 {
		t.Errorf("the worker died %d times", n)
	}
}
