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
)

// stopTime is how long a child may take to end by itself.
const stopTime = 600 * time.Millisecond

// supervise prepares the run folder, starts this program again inside new
// namespaces and cleans up after it. Where the kernel refuses namespaces, the
// card is served on the plain host.
func supervise(ctx context.Context, s settings, log *slog.Logger) error {
	if err := os.RemoveAll(s.pcscd()); err != nil { // of a run that was killed
		return fmt.Errorf("clean run folder: %w", err)
	}
	if err := os.MkdirAll(s.pcscd(), 0o755); err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	defer os.RemoveAll(s.readers())
	defer os.RemoveAll(s.pcscd())
	err := superviseInside(ctx, s)
	if !errors.Is(err, errUnusable) {
		return err
	}
	log.Warn("namespaces refused, using the plain host", "error", err)
	control, err := listenControl(s.control())
	if err != nil {
		return err
	}
	defer control.Close()
	return runOnHost(ctx, s, control, log)
}

// superviseInside returns errUnusable when the kernel refuses the namespaces,
// before anything was served.
func superviseInside(ctx context.Context, s settings) error {
	control, err := listenControl(s.control())
	if err != nil {
		return err
	}
	defer control.Close() // removes the socket file
	cmd, err := startInside(control)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnusable, err)
	}
	err = wait(ctx, cmd)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == exitUnusable {
		return errUnusable
	}
	return err
}

func listenControl(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove stale control socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on control socket: %w", err)
	}
	return l, nil
}

// startInside starts this program in its own mount and network namespaces,
// inside a user namespace where it is not root. The control socket goes along
// as file 3, since the child may hide its path under a mount. Nobody may accept
// on control afterwards: handing it over makes it blocking.
func startInside(control *net.UnixListener) (*exec.Cmd, error) {
	f, err := control.File()
	if err != nil {
		return nil, fmt.Errorf("hand over control socket: %w", err)
	}
	defer f.Close()
	cmd := exec.Command("/proc/self/exe", append([]string{insideArgument}, os.Args[1:]...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{f}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET,
		Setpgid:    true, // Ctrl-C reaches this process, which then ends the child
		Pdeathsig:  unix.SIGTERM,
	}
	if uid := os.Geteuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start in namespaces: %w", err)
	}
	return cmd, nil
}

// wait returns when cmd has ended; when ctx ends first, cmd is told to end, then made to.
func wait(ctx context.Context, cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("run %s: %w", cmd.Path, err)
		}
		return nil
	case <-ctx.Done():
	}
	_ = cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-done: //nolint:errcheck // it was told to end
	case <-time.After(stopTime):
		_ = cmd.Process.Kill()
		<-done //nolint:errcheck // it was killed
	}
	return nil
}
