package uplink

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// unsentBytes is what the kernel may hold of a connection beyond what is on
	// its way: the rest waits in the program, where it is not lost in a cut.
	unsentBytes = 4 << 10
	// deadAfter is how long data may stay unacknowledged before the kernel gives
	// a connection up. Its own default is 15 minutes.
	deadAfter = 10 * time.Second
)

// SocketOptions suits a socket to weak links; it is a net.Dialer's Control. BBR
// keeps a lossy link full, where loss makes CUBIC and Reno slow down; a kernel
// without it, or that does not allow it, keeps its own.
func SocketOptions(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "bbr")
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
	})
}

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Dial makes the connections of a central whose wire is not this package's: TCP
// with the socket options of an uplink, and together within the policy's bandwidth.
func (p Policy) Dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	return capped(dialer, p.BytesPerSecond)
}

func dialer(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second, Control: SocketOptions}
	return d.DialContext(ctx, network, address)
}

// capped bounds what all connections of d send together; 0 is no bound.
func capped(d dial, bytesPerSecond int64) dial {
	if bytesPerSecond <= 0 {
		return d
	}
	shared := &bucket{rate: float64(bytesPerSecond)}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &slowConn{Conn: c, bucket: shared, closed: make(chan struct{})}, nil
	}
}

// bucket gives out times at which bytes may go.
type bucket struct {
	mu   sync.Mutex
	rate float64 // bytes per second
	free time.Time
}

// take returns how long to wait before n bytes may go.
func (b *bucket) take(n int, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free.Before(now) {
		b.free = now
	}
	wait := b.free.Sub(now)
	b.free = b.free.Add(time.Duration(float64(n) / b.rate * float64(time.Second)))
	return wait
}

// slowPiece bounds the bytes that go at once.
const slowPiece = 1400

type slowConn struct {
	net.Conn
	bucket *bucket
	once   sync.Once
	closed chan struct{}
}

func (c *slowConn) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), slowPiece)]
		t := time.NewTimer(c.bucket.take(len(piece), time.Now()))
		select {
		case <-t.C:
		case <-c.closed:
			t.Stop()
			return n, net.ErrClosed
		}
		m, err := c.Conn.Write(piece)
		n += m
		if err != nil {
			return n, err
		}
		p = p[m:]
	}
	return n, nil
}

func (c *slowConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
