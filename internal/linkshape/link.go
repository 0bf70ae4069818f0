package linkshape

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// plannedFor is how far ahead a link's cuts are planned.
const plannedFor = 24 * time.Hour

// mtu of both devices: the default of a TUN device.
const mtu = 1500

// Link joins a near namespace (a desk) with a far one (a central).
type Link struct {
	Near, Far netip.Addr
	near      *Space
	shape     Shape
	devices   [2]*os.File
	ways      [2]*way // near to far, far to near
	flows     *flows
	start     time.Time
	plan      []cut
	stop      context.CancelFunc
	group     *errgroup.Group
}

// Connect makes link number n (0 to 250), with addresses of its own, and starts
// to carry its packets.
func Connect(near, far *Space, n int, shape Shape) (*Link, error) {
	if n < 0 || n > 250 {
		return nil, fmt.Errorf("connect link: number %d", n)
	}
	l := &Link{
		Near: netip.AddrFrom4([4]byte{10, 77, byte(n), 2}), Far: netip.AddrFrom4([4]byte{10, 77, byte(n), 1}),
		near: near, shape: shape, plan: shape.cuts(plannedFor), flows: newFlows(),
	}
	err := near.Do(func() (err error) { l.devices[0], err = tun("link", l.Near, l.Far); return err })
	if err == nil {
		err = far.Do(func() (err error) { l.devices[1], err = tun(fmt.Sprintf("link%d", n), l.Far, l.Near); return err })
	}
	if err != nil {
		return nil, errors.Join(err, l.closeDevices())
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.start = stop, time.Now()
	l.group, ctx = errgroup.WithContext(ctx)
	for i := range l.ways {
		l.ways[i] = newWay(l, l.devices[i], l.devices[1-i], uint64(i))
		l.group.Go(func() error { return l.ways[i].read(ctx) })
		l.group.Go(func() error { return l.ways[i].write(ctx) })
	}
	return l, nil
}

// Dial connects from the near end to the far one.
func (l *Link) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	return l.DialWith(ctx, &net.Dialer{Timeout: 15 * time.Second}, network, address)
}

// DialWith is Dial with the dialer's options; address must hold an IP address.
func (l *Link) DialWith(ctx context.Context, d *net.Dialer, network, address string) (conn net.Conn, err error) {
	err = l.near.Do(func() (err error) { conn, err = d.DialContext(ctx, network, address); return err })
	return conn, err
}

// Count is what one direction did so far, in bytes of IP packets.
type Count struct {
	Offered   int64 // given to the link
	Carried   int64 // that came out
	Lost      int64 // by chance
	Overflow  int64 // no room in the queue
	Cut       int64 // while it was down
	Forgotten int64 // of connections from before a cut
}

// Count returns the counts of both directions.
func (l *Link) Count() (out, back Count) { return l.ways[0].count(), l.ways[1].count() }

// Up returns how long the link was up of the time since its start.
func (l *Link) Up() (up, of time.Duration) {
	of = time.Since(l.start)
	return upTime(l.plan, of), of
}

// Cuts returns how many cuts began since the start.
func (l *Link) Cuts() (n int) {
	now := time.Since(l.start)
	for _, c := range l.plan {
		if c.from < now {
			n++
		}
	}
	return n
}

// cutsBefore returns the number of cuts that began before at, and whether the
// link is down then.
func (l *Link) state(at time.Duration) (cuts int, down bool) {
	for _, c := range l.plan {
		if c.from > at {
			break
		}
		cuts++
		down = at < c.to
	}
	return cuts, down
}

func (l *Link) closeDevices() (err error) {
	for _, d := range l.devices {
		if d != nil {
			err = errors.Join(err, d.Close())
		}
	}
	return err
}

// Close ends the link and its devices.
func (l *Link) Close() error {
	l.stop()
	err := l.closeDevices()
	if ended := l.group.Wait(); ended != nil && !errors.Is(ended, os.ErrClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// flows remembers in which time between two cuts a connection began.
type flows struct {
	mu   sync.Mutex
	born map[flow]int
}

func newFlows() *flows { return &flows{born: map[flow]int{}} }

// stale says whether p belongs to a connection from before cut number cuts.
func (f *flows) stale(p packet, cuts int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := p.flow()
	if p.opens() {
		f.born[key] = cuts
		return false
	}
	born, known := f.born[key]
	return known && born < cuts
}
