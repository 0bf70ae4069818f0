package uplink

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// TestValveNext: the rate follows what is delivered once packets queue, does not
// fall again while the queue shrinks, and rises while there is none.
func TestValveNext(t *testing.T) {
	const mss = 1448
	own := func(delivered float64) time.Duration {
		return time.Duration(mss / delivered * float64(time.Second))
	}
	v := newValve()
	for i, c := range []struct {
		delivered float64
		queue     time.Duration // beyond one packet's own time
		want      float64       // the rate afterwards
	}{
		{7000, 0, 0},                           // no queue was ever seen: the kernel's matter
		{500_000, time.Second, 0},              // a fast link's queue, too
		{7000, 2 * time.Second, 6650},          // 0.95
		{5000, 1900 * time.Millisecond, 6650},  // it shrinks
		{6000, 500 * time.Millisecond, 6650},   // neither long nor short
		{6400, 100 * time.Millisecond, 6982.5}, // 0.05 more
		{6400, 100 * time.Millisecond, 6982.5}, // it does not use what it has
		{6900, 100 * time.Millisecond, 7590},   // 0.1 more than is delivered, not than 6982.5
		{6900, 700 * time.Millisecond, 6555},
		{100, 10 * time.Second, 500}, // never none
	} {
		if rate, ok := v.next(c.delivered, mss, c.queue+own(c.delivered)); ok {
			v.rate = rate
		}
		if d := v.rate - c.want; d > 0.01 || d < -0.01 {
			t.Fatalf("step %d: rate %v, want %v", i, v.rate, c.want)
		}
	}
	// A link that became fast is the kernel's again, within minutes.
	for n := 0; v.rate != 0; n++ {
		if n == 60 {
			t.Fatalf("rate is still bounded to %v", v.rate)
		}
		if rate, ok := v.next(v.rate, mss, own(v.rate)); ok {
			v.rate = rate
		}
	}
}

// TestLittleUnsent: what the other end does not take stays in the program, where
// it is not lost in a cut.
func TestLittleUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v := newValve()
	c, err := v.dial((&net.Dialer{Control: SocketOptions}).DialContext)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other, err := l.Accept() // never reads
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := c.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 4<<10)
	given := 0
	for ; err == nil; given += len(piece) {
		_, err = c.Write(piece)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	info := c.(*valved).info()
	if info == nil {
		t.Skip("this kernel gives no TCP_INFO")
	}
	if limit := uint32(unsentBytes + len(piece)); info.Notsent_bytes > limit {
		t.Errorf("%d of %d bytes are unsent, want at most %d", info.Notsent_bytes, given, limit)
	}
}

// TestStill: a connection that has nothing to say, or that is heard, does not
// stand still.
func TestStill(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v := newValve()
	c, err := v.dial((&net.Dialer{Control: SocketOptions}).DialContext)(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if still := v.look(time.Now().Add(time.Hour)); len(still) != 0 {
		t.Error("an idle connection stands still")
	}
	if err := c.Close(); err != nil || len(v.open) != 0 {
		t.Errorf("closed: %v, %d are open", err, len(v.open))
	}
}
