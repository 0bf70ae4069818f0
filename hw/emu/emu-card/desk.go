package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/emu/control"
)

// driver is vsmartcard's driver as Debian's vsmartcard-vpcd installs it.
const driver = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"

const startTime = 5 * time.Second

// runDesk starts pcscd with the virtual reader at port, serves the card and
// control commands, and prints "ready". It ends with ctx or with pcscd.
func runDesk(ctx context.Context, s settings, l net.Listener, port int, log *slog.Logger) error {
	if _, err := os.Stat(driver); err != nil {
		return fmt.Errorf("find virtual reader (Debian package vsmartcard-vpcd): %w", err)
	}
	path, err := exec.LookPath("pcscd")
	if err != nil {
		path = "/usr/sbin/pcscd" // not in a plain user's search path
	}
	cmd := exec.Command(path, "--foreground", "--config", s.readers())
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start pcscd (Debian package pcscd): %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- wait(ctx, cmd); cancel() }()

	err = serveCard(ctx, s, l, port, log)
	cancel()
	if pcscdErr := <-ended; pcscdErr != nil {
		return pcscdErr
	}
	return err
}

// serveCard needs a running pcscd. It returns when ctx ends.
func serveCard(ctx context.Context, s settings, l net.Listener, port int, log *slog.Logger) error {
	if err := waitFor(ctx, "unix", systemFolder+"/pcscd.comm"); err != nil {
		return err
	}
	var slots pair
	for i := range slots { // vpcd's second reader listens on the next port
		address := fmt.Sprintf("127.0.0.1:%d", port+i)
		slots[i] = &reader{ctx: ctx, address: address, photos: s.photos, portrait: s.portrait, usual: s.card, log: log}
		defer func() { _ = slots[i].handle(control.Command{Do: "remove"}) }()
	}
	if s.person >= 0 {
		if err := slots.handle(s.card); err != nil {
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	fmt.Println("ready")
	return control.Serve(l, slots.handle)
}

// waitFor returns when address accepts connections.
func waitFor(ctx context.Context, network, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for pcscd: %w", errors.Join(ctx.Err(), err))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// pair is vpcd's two readers.
type pair [2]*reader

func (p pair) handle(c control.Command) error {
	if c.Slot < 0 || c.Slot >= len(p) {
		return fmt.Errorf("no reader %d: there are 0 and 1", c.Slot)
	}
	return p[c.Slot].handle(c)
}
