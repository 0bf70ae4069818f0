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

// What is on its way when a slow link is cut was sent for nothing, and in front
// of a slow link the kernel puts much on its way: the link's own queue fills. So
// there the send buffer holds only what keeps the line busy.
const (
	smallBuffer  = 13 << 10 // the kernel doubles it, for its own book-keeping
	bufferedTime = 1600 * time.Millisecond
	fastLink     = 100 << 10 // bytes per second: from here on the kernel decides
)

// buffers sets the send buffers of all connections to a measured rate.
type buffers struct {
	mu   sync.Mutex
	rate float64 // bytes per second; 0 while unknown
	open map[*sizedConn]struct{}
}

type sizedConn struct {
	*net.TCPConn
	all *buffers
}

func (b *buffers) dial(d dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d(ctx, network, address)
		t, ok := c.(*net.TCPConn)
		if err != nil || !ok {
			return c, err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		s := &sizedConn{TCPConn: t, all: b}
		b.open[s] = struct{}{}
		if b.rate > 0 && b.rate < fastLink {
			s.fit(b.rate)
		}
		return s, nil
	}
}

// fit is advice: a connection that does not take it works, too.
func (s *sizedConn) fit(rate float64) {
	_ = s.SetWriteBuffer(max(smallBuffer, int(rate*bufferedTime.Seconds())))
}

func (s *sizedConn) Close() error {
	s.all.mu.Lock()
	delete(s.all.open, s)
	s.all.mu.Unlock()
	return s.TCPConn.Close()
}

// measured tells the rate of all lanes together.
func (b *buffers) measured(rate float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.rate
	b.rate = rate
	for s := range b.open {
		if rate < fastLink || was > 0 && was < fastLink {
			s.fit(rate)
		}
	}
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
