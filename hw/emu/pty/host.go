package pty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/enrold/enrold/hw/emu/control"
)

// Context ends with SIGTERM, SIGINT or, if onEOF, when standard input does: the
// program's parent died.
func Context(onEOF bool) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	if onEOF {
		// This goroutine ends with the process.
		go func() { defer stop(); _, _ = io.Copy(io.Discard, os.Stdin) }()
	}
	return ctx, stop
}

// Host puts a device on a terminal of its own until ctx ends or a side fails:
// dir/NAME.tty names the terminal, dir/NAME.sock takes what the person does. It
// prints "ready" when both are there.
func Host(ctx context.Context, dir, name string, act func(control.Command) error, serve func(*Terminal) error) error {
	pty, err := Open()
	if err != nil {
		return err
	}
	defer pty.Close()
	tty, sock := filepath.Join(dir, name+".tty"), filepath.Join(dir, name+".sock")
	// What a killed predecessor left behind would point to a foreign terminal.
	for _, p := range []string{tty, sock} {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("clear run folder: %w", err)
		}
	}
	if err := os.Symlink(pty.Path, tty); err != nil {
		return fmt.Errorf("name terminal: %w", err)
	}
	defer os.Remove(tty)
	listener, err := net.Listen("unix", sock)
	if err != nil {
		return fmt.Errorf("listen for the person: %w", err)
	}
	defer listener.Close() // also removes the socket

	failed := make(chan error, 2)
	var serving sync.WaitGroup
	serving.Go(func() { failed <- control.Serve(listener, act) })
	serving.Go(func() { failed <- serve(pty) })
	fmt.Println("ready")
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, listener.Close(), pty.Close())
	serving.Wait()
	return err
}
