// Package serial opens the serial ports that scanners and readers hang on. It
// adds to go.bug.st/serial what a desk needs: a lock that also stops a second
// process of root, reads with a deadline, and an error that tells a device
// pulled out from a port closed by ourselves.
package serial

import (
	"errors"
	"fmt"
	"sync"
	"time"

	bugst "go.bug.st/serial"
	"golang.org/x/sys/unix"
)

var (
	// ErrTimeout says: nothing arrived in time.
	ErrTimeout = errors.New("serial: timeout")
	// ErrUnplugged says: the device behind the port is gone; only opening again helps.
	ErrUnplugged = errors.New("serial: device unplugged")
	// ErrClosed says: Close was called on this side.
	ErrClosed = errors.New("serial: port closed")
	// ErrBusy says: another process, or another part of this one, holds the port.
	ErrBusy = errors.New("serial: port in use")
)

// Port is an open, locked serial port, 8 data bits, no parity, one stop bit, no
// flow control. It belongs to one goroutine.
type Port struct {
	name string
	port bugst.Port
	lock int // descriptor that carries the flock

	mu     sync.Mutex
	closed bool
	gone   bool
}

// Open opens path at baud bits per second. It returns ErrBusy when somebody
// else has it, and an error satisfying errors.Is(err, fs.ErrNotExist) when
// there is no such port.
func Open(path string, baud int) (*Port, error) {
	lock, err := acquire(path)
	if err != nil {
		return nil, err
	}
	p, err := bugst.Open(path, mode(baud))
	if err != nil {
		unix.Close(lock)
		return nil, fmt.Errorf("open serial port %s: %w", path, openCause(err))
	}
	return &Port{name: path, port: p, lock: lock}, nil
}

// acquire locks the device node before the port is opened. TIOCEXCL, which the
// library sets, does not stop root; flock stops everybody who asks, and the
// kernel drops it when the holder dies.
func acquire(path string) (int, error) {
	// O_NONBLOCK: an open without it waits for carrier on a real UART.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return 0, fmt.Errorf("open serial port %s: %w", path, ErrBusy)
	}
	if err != nil {
		return 0, fmt.Errorf("open serial port %s: %w", path, err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return 0, fmt.Errorf("lock serial port %s: %w", path, err)
	}
	return fd, nil
}

func openCause(err error) error {
	if pe, ok := errors.AsType[*bugst.PortError](err); ok {
		switch pe.Code() {
		case bugst.PortBusy:
			return ErrBusy
		case bugst.PermissionDenied:
			return unix.EACCES
		}
	}
	return err
}

func mode(baud int) *bugst.Mode {
	return &bugst.Mode{BaudRate: baud, DataBits: 8, Parity: bugst.NoParity, StopBits: bugst.OneStopBit}
}

// Name is the path given to Open.
func (p *Port) Name() string { return p.name }

// ReadTimeout reads what is there, at least one byte, or returns ErrTimeout
// after d.
func (p *Port) ReadTimeout(b []byte, d time.Duration) (int, error) {
	if err := p.state(); err != nil {
		return 0, err
	}
	if err := p.port.SetReadTimeout(d); err != nil {
		return 0, fmt.Errorf("set serial time-out: %w", err)
	}
	n, err := p.port.Read(b)
	if err != nil {
		return 0, p.fault("read serial port", err)
	}
	if n == 0 {
		return 0, ErrTimeout
	}
	return n, nil
}

// Write sends all of b.
func (p *Port) Write(b []byte) (int, error) {
	if err := p.state(); err != nil {
		return 0, err
	}
	sent := 0
	for sent < len(b) {
		n, err := p.port.Write(b[sent:])
		sent += n
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return sent, p.fault("write serial port", err)
		}
	}
	return sent, nil
}

// SetBaud changes the speed and throws away everything received and not yet
// sent: bytes clocked at another speed mean nothing.
func (p *Port) SetBaud(baud int) error {
	if err := p.state(); err != nil {
		return err
	}
	if err := p.port.SetMode(mode(baud)); err != nil {
		return p.fault("set serial speed", err)
	}
	if err := p.port.ResetOutputBuffer(); err != nil {
		return p.fault("flush serial port", err)
	}
	if err := p.port.ResetInputBuffer(); err != nil {
		return p.fault("flush serial port", err)
	}
	return nil
}

// Close releases the port and its lock. A second Close does nothing.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	err := p.port.Close()
	return errors.Join(err, unix.Close(p.lock))
}

func (p *Port) state() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case p.gone:
		return ErrUnplugged
	}
	return nil
}

// fault classifies an error. The library says "port closed" both when we
// closed the port and when the device vanished under a blocked read, so only
// our own record of Close tells the two apart. A vanished USB adapter gives
// EIO, ENXIO or ENODEV, depending on the call.
func (p *Port) fault(op string, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("%s: %w", op, ErrClosed)
	}
	pe, isPort := errors.AsType[*bugst.PortError](err)
	if isPort && pe.Code() == bugst.PortClosed || errors.Is(err, unix.EIO) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
		p.gone = true
		return fmt.Errorf("%s: %w", op, ErrUnplugged)
	}
	return fmt.Errorf("%s: %w", op, err)
}
