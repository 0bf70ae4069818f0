package linkshape

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Space is a network namespace of its own, with no name in the file system: it
// ends with Close and the devices in it.
type Space struct{ ns *os.File }

// NewSpace makes a namespace whose loopback is up.
func NewSpace() (*Space, error) {
	s := &Space{}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		s.ns = f
		return up("lo")
	})
	return s, err
}

// Do runs f on a thread inside the namespace. Sockets that f makes stay there;
// goroutines that it starts do not.
func (s *Space) Do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(s.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// Close lets go of the namespace.
func (s *Space) Close() error { return s.ns.Close() }

// onThread runs f on a thread that ends with it: a thread that changed its
// namespace never serves other goroutines.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // not unlocked: the runtime ends the thread
		done <- f()
	}()
	return <-done
}

// tun makes a point-to-point device in the namespace of this thread. Reads and
// writes of the file are IP packets.
func tun(name string, local, peer netip.Addr) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make TUN device: %w", err)
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	if err == nil {
		err = address(name, local, peer)
	}
	if err == nil {
		err = up(name)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make TUN device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil // after the ioctl: before it nothing can be waited for
}

// withSocket lends a socket for interface requests.
func withSocket(f func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

func address(name string, local, peer netip.Addr) error {
	return withSocket(func(fd int) error {
		for _, a := range []struct {
			request uint
			addr    netip.Addr
		}{{unix.SIOCSIFADDR, local}, {unix.SIOCSIFDSTADDR, peer}} { // in this order
			ifr, err := unix.NewIfreq(name)
			if err != nil {
				return err
			}
			if err := ifr.SetInet4Addr(a.addr.AsSlice()); err != nil {
				return err
			}
			if err := unix.IoctlIfreq(fd, a.request, ifr); err != nil {
				return err
			}
		}
		return nil
	})
}

func up(name string) error {
	return withSocket(func(fd int) error {
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
			return err
		}
		ifr.SetUint16(ifr.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
	})
}
