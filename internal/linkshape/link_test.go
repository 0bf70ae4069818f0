package linkshape

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair makes two joined namespaces and a listener at the far end, or skips.
func pair(t *testing.T, shape Shape) (*Link, net.Listener) {
	t.Helper()
	near, err := NewSpace()
	if err != nil {
		t.Skipf("namespaces cannot be made here: %v", err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := NewSpace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	l, err := Connect(near, far, 7, shape)
	if err != nil {
		t.Skipf("TUN devices cannot be made here: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	var listener net.Listener
	err = far.Do(func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(l.Far.String(), "0"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return l, listener
}

func TestDelayAndRate(t *testing.T) {
	l, listener := pair(t, Shape{BitsPerSecond: 1_000_000, Delay: 100 * time.Millisecond, QueueBytes: 64 << 10})
	got := make(chan int64, 1)
	go func() {
		c, err := listener.Accept()
		if err != nil {
			got <- -1
			return
		}
		n, _ := io.Copy(io.Discard, c)
		c.Close()
		got <- n
	}()
	began := time.Now()
	c, err := l.Dial(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 400*time.Millisecond {
		t.Errorf("connected in %v, want one round trip of 200 ms", took)
	}
	const size = 250_000 // two seconds of the line
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if n := <-got; n != size {
		t.Fatalf("%d bytes arrived, want %d", n, size)
	}
	if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
		t.Errorf("250 kB took %v, want somewhat over 2 s", took)
	}
	out, back := l.Count()
	if out.Carried < size || back.Carried == 0 || out.Lost != 0 || out.Cut != 0 {
		t.Errorf("counts %+v %+v", out, back)
	}
}

func TestCutEndsConnections(t *testing.T) {
	shape := Shape{Delay: 5 * time.Millisecond, Up: 700 * time.Millisecond, Down: 200 * time.Millisecond, Forget: true, Seed: 3}
	l, listener := pair(t, shape)
	var served sync.WaitGroup
	defer served.Wait()
	defer listener.Close()
	served.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			served.Go(func() { _, _ = io.Copy(c, c); c.Close() })
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := 0
	for ended < 2 && ctx.Err() == nil {
		c, err := l.DialWith(ctx, &net.Dialer{Timeout: 500 * time.Millisecond}, "tcp", listener.Addr().String())
		if err != nil {
			continue // it is down
		}
		began, _ := l.state(time.Since(l.start))
		for {
			_ = c.SetDeadline(time.Now().Add(3 * time.Second))
			if _, err = c.Write([]byte("x")); err == nil {
				_, err = c.Read(make([]byte, 1))
			}
			if err != nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if os.IsTimeout(err) {
			t.Fatalf("the connection outlived a cut in silence: %v", err)
		}
		if now, _ := l.state(time.Since(l.start)); now == began {
			t.Fatalf("the connection ended without a cut: %v", err)
		}
		ended++
		c.Close()
	}
	if ended < 2 {
		t.Fatalf("%d connections ended by a cut", ended)
	}
	up, of := l.Up()
	if up >= of || up < of/3 {
		t.Errorf("up %v of %v", up, of)
	}
}

// TestPlainTCP measures what TCP carries over the link of the soak, by kind of
// congestion control and number of streams; a figure, not a check.
func TestPlainTCP(t *testing.T) {
	seconds := os.Getenv("LINKSHAPE_SECONDS")
	if seconds == "" {
		t.Skip("a measurement: set LINKSHAPE_SECONDS=60")
	}
	span, err := time.ParseDuration(seconds + "s")
	if err != nil {
		t.Fatal(err)
	}
	for _, control := range []string{"cubic", "bbr"} {
		for _, streams := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("%s-%d", control, streams), func(t *testing.T) {
				t.Parallel()
				l, listener := pair(t, Shape{BitsPerSecond: 64_000, Delay: 400 * time.Millisecond, Loss: 0.05, QueueBytes: 24 << 10, Seed: 1})
				var all sync.WaitGroup
				var mu sync.Mutex
				total := int64(0)
				for range streams {
					all.Go(func() {
						c, err := listener.Accept()
						if err != nil {
							return
						}
						defer c.Close()
						buf := make([]byte, 4096)
						for {
							n, err := c.Read(buf)
							mu.Lock()
							total += int64(n)
							mu.Unlock()
							if err != nil {
								return
							}
						}
					})
				}
				d := &net.Dialer{Timeout: 15 * time.Second, Control: func(_, _ string, raw syscall.RawConn) error {
					return raw.Control(func(fd uintptr) {
						_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, control)
						_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 8<<10)
					})
				}}
				began := time.Now()
				for range streams {
					c, err := l.DialWith(t.Context(), d, "tcp", listener.Addr().String())
					if err != nil {
						t.Fatal(err)
					}
					all.Go(func() {
						defer c.Close()
						_ = c.SetDeadline(began.Add(span))
						for {
							if _, err := c.Write(make([]byte, 4096)); err != nil {
								return
							}
						}
					})
				}
				time.Sleep(time.Until(began.Add(span)))
				mu.Lock()
				got := total
				mu.Unlock()
				out, _ := l.Count()
				listener.Close()
				all.Wait()
				t.Logf("%.1f kbit/s of 64; link carried %.1f kbit/s; overflow %d lost %d", float64(got)*8/1000/span.Seconds(), float64(out.Carried)*8/1000/span.Seconds(), out.Overflow, out.Lost)
			})
		}
	}
}
