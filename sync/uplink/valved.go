package uplink

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// valved is a connection behind a valve.
type valved struct {
	*net.TCPConn
	valve *valve
	born  time.Time

	// Of look, under valve.mu; in segments.
	since     time.Time // something was under way at each look from here on
	delivered uint32    // until since
	moved     time.Time // the other end was last heard to receive something
	seen      uint32    // delivered until moved
}

// heldBytes is the room for what waits for an acknowledgement on a slow link:
// where packets are lost, a missing one holds up all behind it, and the kernel's
// own guess of the room stops the sending meanwhile. What is not sent yet is
// bound by unsentBytes.
const heldBytes = 128 << 10

func (o *valved) Close() error {
	o.valve.mu.Lock()
	delete(o.valve.open, o)
	o.valve.mu.Unlock()
	return o.TCPConn.Close()
}

// Write waits until hardly anything is unsent. TCP_NOTSENT_LOWAT alone does not
// do that: it says when a socket is writable, but a write to one that is not
// succeeds as long as the last unsent segment can grow, up to 64 kB.
func (o *valved) Write(p []byte) (int, error) {
	raw, err := o.SyscallConn()
	if err == nil {
		err = raw.Write(writable)
	}
	if err != nil {
		return 0, err
	}
	return o.TCPConn.Write(p)
}

// writable asks the kernel, which then wakes us when that changes.
func writable(fd uintptr) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
	return n > 0 || err != nil
}

// info returns the kernel's view of the connection, nil where it gives none.
func (o *valved) info() (info *unix.TCPInfo) {
	if raw, err := o.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	}
	return info
}

// pace bounds what is sent, in bytes per second; 0 for no bound. It is advice: a kernel that does not take it sends as it likes.
func (o *valved) pace(rate float64) {
	bound := ^uint64(0)
	if rate > 0 {
		bound = uint64(rate)
		_ = o.SetWriteBuffer(heldBytes)
	}
	if raw, err := o.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, bound) })
	}
}
