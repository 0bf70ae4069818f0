// Package pty is the line of an emulated serial device: a pseudo-terminal that
// behaves as a port with a device on it, and the frame of a program that serves one.
package pty

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo-terminal seen from the module's side. The driver opens Path
// as it would a UART.
type Terminal struct {
	Path   string // /dev/pts/N
	master *os.File
	slave  *os.File
	watch  *os.File // inotify: the driver closed its end
	joined chan struct{}
}

// Open makes a pseudo-terminal in raw mode.
func Open() (*Terminal, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open pseudo-terminal: %w", err)
	}
	p := &Terminal{master: os.NewFile(uintptr(fd), "ptmx"), joined: make(chan struct{})}
	if err := p.openSlave(fd); err != nil {
		_ = p.master.Close()
		return nil, err
	}
	if err := p.openWatch(); err != nil {
		_ = p.master.Close()
		_ = p.slave.Close()
		return nil, err
	}
	go p.watchCloses()
	return p, nil
}

// openSlave keeps one descriptor of the other end open: without it, reading
// the master fails whenever no driver is there.
func (p *Terminal) openSlave(fd int) error {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock pseudo-terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("number pseudo-terminal: %w", err)
	}
	p.Path = fmt.Sprintf("/dev/pts/%d", n)
	s, err := unix.Open(p.Path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", p.Path, err)
	}
	p.slave = os.NewFile(uintptr(s), p.Path)
	t, err := unix.IoctlGetTermios(s, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("read terminal settings: %w", err)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0 // no echo, no line editing
	if err := unix.IoctlSetTermios(s, unix.TCSETS, t); err != nil {
		return fmt.Errorf("set terminal settings: %w", err)
	}
	return nil
}

func (p *Terminal) openWatch() error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watch %s: %w", p.Path, err)
	}
	if _, err := unix.InotifyAddWatch(fd, p.Path, unix.IN_CLOSE_WRITE); err != nil {
		unix.Close(fd)
		return fmt.Errorf("watch %s: %w", p.Path, err)
	}
	p.watch = os.NewFile(uintptr(fd), "inotify")
	return nil
}

// watchCloses does what a real port does on its last close: the exclusive flag
// goes (a killed driver, too, leaves it set) and unread bytes are lost.
func (p *Terminal) watchCloses() {
	defer close(p.joined)
	events := make([]byte, 4096)
	for {
		if _, err := p.watch.Read(events); err != nil {
			return
		}
		s := int(p.slave.Fd())
		// Errors mean that the terminal is going away too.
		_ = unix.IoctlSetInt(s, unix.TIOCNXCL, 0)
		_ = unix.IoctlSetInt(s, unix.TCFLSH, unix.TCIFLUSH)
	}
}

// Read returns what the driver wrote.
func (p *Terminal) Read(b []byte) (int, error) {
	n, err := p.master.Read(b)
	if errors.Is(err, os.ErrClosed) {
		err = io.EOF
	}
	return n, err
}

// writeTime bounds a write: when nobody reads, the line's buffer fills, and a
// real UART would drop bytes as this does.
const writeTime = 2 * time.Second

func (p *Terminal) Write(b []byte) (int, error) {
	if err := p.master.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, closedAsEOF(err)
	}
	_, err := p.master.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return len(b), nil
	}
	return len(b), closedAsEOF(err)
}

func closedAsEOF(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return io.EOF
	}
	return err
}

var speeds = map[uint32]int{
	unix.B9600: 9600, unix.B19200: 19200, unix.B38400: 38400, unix.B57600: 57600, unix.B115200: 115200,
	unix.B230400: 230400, unix.B460800: 460800, unix.B921600: 921600,
}

// Baud is the speed that the driver set; a terminal's settings are one, seen
// from both ends.
func (p *Terminal) Baud() (int, error) {
	raw, err := p.master.SyscallConn()
	if err != nil {
		return 0, closedAsEOF(err)
	}
	var t *unix.Termios
	var get error
	if err := raw.Control(func(fd uintptr) { t, get = unix.IoctlGetTermios(int(fd), unix.TCGETS) }); err != nil {
		return 0, closedAsEOF(err)
	}
	if get != nil {
		return 0, get
	}
	return speeds[t.Cflag&unix.CBAUD], nil
}

// Close takes the module away: the driver's reads and writes fail as they do
// when a plug is pulled.
func (p *Terminal) Close() error {
	err := p.watch.Close()
	<-p.joined
	// The master first: its reader would take the last slave's closing for an error.
	return errors.Join(err, p.master.Close(), p.slave.Close())
}
