package uplink_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cubic gives a socket the usual congestion control, and a dead one up as soon
// as ours.
func cubic(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "cubic")
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 4<<10)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 10_000)
	})
}

// sink receives so many bytes over any number of connections, one at a time: it
// says first how many it has, and takes what follows.
type sink struct {
	size int64
	done chan struct{}

	mu   sync.Mutex
	got  int64
	last net.Conn
}

func (s *sink) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got >= s.size
}

func (s *sink) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.last != nil {
			s.last.Close() // the sender came back: the old connection is dead
		}
		s.last = c
		s.mu.Unlock()
		go s.take(c)
	}
}

func (s *sink) take(c net.Conn) {
	defer c.Close()
	var head [8]byte
	s.mu.Lock()
	binary.BigEndian.PutUint64(head[:], uint64(s.got))
	s.mu.Unlock()
	if _, err := c.Write(head[:]); err != nil {
		return
	}
	piece := make([]byte, 4096)
	for {
		n, err := c.Read(piece)
		s.mu.Lock()
		if s.last != c {
			s.mu.Unlock()
			return
		}
		s.got += int64(n)
		if s.got >= s.size {
			select {
			case <-s.done:
			default:
				close(s.done)
			}
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// feed sends what the sink has not got until the connection fails or all
// arrived, and returns how many bytes the socket took.
func (s *sink) feed(c net.Conn) (given int64) {
	var head [8]byte
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0
	}
	ended := make(chan struct{})
	go func() { // a reset is seen by reading
		defer close(ended)
		_ = c.SetReadDeadline(time.Time{})
		_, _ = c.Read(head[:1])
		c.Close()
	}()
	piece := make([]byte, 4096)
	for left := s.size - int64(binary.BigEndian.Uint64(head[:])); left > 0; {
		n, err := c.Write(piece[:min(left, int64(len(piece)))])
		left -= int64(n)
		given += int64(n)
		if err != nil {
			break
		}
	}
	select {
	case <-s.done:
		c.Close()
	case <-ended:
	}
	<-ended
	return given
}
