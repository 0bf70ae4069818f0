package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// runOnHost serves the card without namespaces: with the pcscd that runs here,
// or with one of our own where none does and /run/pcscd can be written.
// RUN/pcscd/pcscd.comm then is a link to the system's socket.
func runOnHost(ctx context.Context, s settings, l net.Listener, log *slog.Logger) error {
	if err := os.Symlink(systemFolder+"/pcscd.comm", s.socket()); err != nil {
		return fmt.Errorf("link pcscd's socket: %w", err)
	}
	if c, err := net.Dial("unix", systemFolder+"/pcscd.comm"); err == nil {
		c.Close()
		log.Info("using the pcscd that runs here")
		return serveCard(ctx, s, l, usualPort, log)
	}
	if err := os.MkdirAll(systemFolder, 0o755); err != nil {
		return fmt.Errorf("neither namespaces nor a running pcscd, and none can be started: %w", err)
	}
	if err := unix.Access(systemFolder, unix.W_OK); err != nil {
		return fmt.Errorf("neither namespaces nor a running pcscd, and none can be started: %s: %w", systemFolder, err)
	}
	port, err := freePorts()
	if err != nil {
		return err
	}
	if err := writeReaders(s.readers(), port); err != nil {
		return err
	}
	log.Info("starting pcscd on this host; its virtual reader is open to the network", "port", port)
	return runDesk(ctx, s, l, port, log)
}

// freePorts finds a port with a free neighbour: the virtual reader has two slots.
func freePorts() (int, error) {
	for range 20 {
		first, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port+1))
		first.Close()
		if err == nil {
			second.Close()
			return port, nil
		}
	}
	return 0, errors.New("find a free port: none with a free neighbour")
}
