// Command emu-scanner is an emulated serial fingerprint scanner: a module of the
// R503/ZFM family on a pseudo-terminal, with the fingers of the synthetic
// persons. The driver opens RUN-DIR/scanner.tty as it would /dev/ttyUSB0; what
// the person does comes over RUN-DIR/scanner.sock (package hw/emu/control).
//
// It prints "ready" when both are there and ends on SIGTERM, SIGINT or, with
// -exit-on-eof, when its standard input ends (its parent died).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/zfm"
)

func main() {
	dir := flag.String("run-dir", "", "folder for scanner.tty and scanner.sock (required)")
	name := flag.String("profile", "zfm-20", "which module: zfm-20, r503")
	paced := flag.Bool("baud-paced", false, "send no faster than the negotiated speed allows")
	onEOF := flag.Bool("exit-on-eof", false, "end when standard input ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if *onEOF {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		// This goroutine ends with the process.
		go func() { defer cancel(); _, _ = io.Copy(io.Discard, os.Stdin) }()
	}
	if err := run(ctx, *dir, *name, *paced); err != nil {
		fmt.Fprintln(os.Stderr, "emu-scanner:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, name string, paced bool) error {
	if dir == "" {
		return errors.New("-run-dir is required")
	}
	model, err := zfm.ModelNamed(name)
	if err != nil {
		return err
	}
	device := zfm.New(model, paced)
	pty, err := zfm.OpenPTY()
	if err != nil {
		return err
	}
	defer pty.Close()
	tty, sock := filepath.Join(dir, "scanner.tty"), filepath.Join(dir, "scanner.sock")
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

	p := &person{device: device, model: model}
	failed := make(chan error, 2)
	var serving sync.WaitGroup
	serving.Go(func() { failed <- control.Serve(listener, p.act) })
	serving.Go(func() { failed <- device.Serve(pty) })
	fmt.Println("ready")
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, listener.Close(), pty.Close())
	serving.Wait()
	return err
}
