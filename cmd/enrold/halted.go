package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
)

// halting are the reasons not to begin that no restart mends: somebody must look
// into them, and the officer must read on the screen which it is.
var halting = []eid.Code{eid.CodeQueueRollback, eid.CodeQueueDamaged, eid.CodeTPMCleared, eid.CodeDeviceKey}

// halts says whether the daemon stays for the screen to tell why it did not begin.
func halts(err error) bool {
	return err != nil && slices.Contains(halting, eid.CodeOf(err))
}

// serveHalted answers every screen with the reason until ctx ends. Queue and keys
// are closed: `enrold queue` can work beside it.
func serveHalted(ctx context.Context, l net.Listener, code eid.Code, log *slog.Logger) error {
	log.Error("desk does not begin", "code", code)
	handler, err := web.Halted(l.Addr().String(), code)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopping := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stopping()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the screen: %w", err)
	}
	return nil
}
