package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	systemFolder = "/run/pcscd" // where pcscd puts its socket, fixed when it was built
	usualPort    = 0x8C7B       // vpcd's own default
)

// errUnusable says that the namespaces were made but may not be arranged, as
// where a security module takes an unprivileged user's rights away again. The
// process then exits with exitUnusable and its parent does without them.
var errUnusable = errors.New("namespaces are unusable")

const exitUnusable = 3

// runInside is the process in the namespaces: it arranges mounts and loopback,
// then runs pcscd and the card.
func runInside(ctx context.Context, s settings, log *slog.Logger) error {
	f := os.NewFile(3, "control")
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("take over control socket: %w", err)
	}
	defer l.Close()
	_ = f.Close()
	if err := errors.Join(arrangeMounts(s.pcscd()), raiseLoopback()); err != nil {
		return fmt.Errorf("%w: %w", errUnusable, err)
	}
	if err := writeReaders(s.readers(), usualPort); err != nil {
		return err
	}
	return runDesk(ctx, s, l, usualPort, log)
}

// arrangeMounts shows folder as /run/pcscd to this process and its children,
// and hides USB devices from the pcscd that they start: the emulated desk must
// not take the readers of the real one.
func arrangeMounts(folder string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Held open, since the tmpfs below may cover its path.
	fd, err := unix.Open(folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open run folder: %w", err)
	}
	defer unix.Close(fd)
	if err := os.Mkdir(systemFolder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		// A plain user may not write to /run: give it one of its own.
		if err := unix.Mount("tmpfs", filepath.Dir(systemFolder), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mount a private /run: %w", err)
		}
		if err := os.Mkdir(systemFolder, 0o755); err != nil {
			return fmt.Errorf("make %s: %w", systemFolder, err)
		}
	}
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(fd), systemFolder, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind run folder: %w", err)
	}
	if err := unix.Mount("tmpfs", "/dev/bus/usb", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("hide USB devices: %w", err)
	}
	return nil
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	r.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	return nil
}

// writeReaders writes pcscd's reader configuration: one virtual reader, whose
// two slots listen on port and port+1.
func writeReaders(folder string, port int) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make reader configuration: %w", err)
	}
	conf := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME   /dev/null:0x%X\nLIBPATH      %s\nCHANNELID    0x%X\n", port, driver, port)
	if err := os.WriteFile(filepath.Join(folder, "vpcd"), []byte(conf), 0o644); err != nil {
		return fmt.Errorf("write reader configuration: %w", err)
	}
	return nil
}
