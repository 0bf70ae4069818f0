package uplink

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What stands in front of a slow link when it is cut was sent for nothing, and
// while it stands there every answer and every repair of a lost packet comes
// later by as much. No congestion control of today keeps that queue short at
// 5 % loss: BBR, which ignores losses, fills 2 s of it on a link of 64 kbit/s.
// So the desk tells the kernel (SO_MAX_PACING_RATE) how fast it may send: what
// the link is seen to deliver once a queue is seen, and more again while there
// is none. A link that never queues is left to the kernel.
const (
	lookEvery = 3 * time.Second
	// longQueue and shortQueue are waiting times beyond that of one packet.
	longQueue  = 600 * time.Millisecond
	shortQueue = 350 * time.Millisecond
	// drain is what is sent of what is delivered while the queue is too long:
	// what is delivered lacks what is lost, so it is less than the link's rate.
	drain = 0.95
	// used is what must be delivered of the rate for it to be raised, and headroom
	// to how much of it: some packets are lost, and the rest of the raise finds
	// out whether the link carries more.
	used      = 0.92
	headroom  = 1.1
	firstStep = 0.05
	lastStep  = 0.25
	leastRate = 500       // bytes per second
	fastLink  = 100 << 10 // bytes per second: from here on the kernel decides
)

// valve holds what the link in front of this desk was seen to carry, for all
// connections over it: the next one begins with what the last one learnt.
type valve struct {
	mu   sync.Mutex
	rate float64       // bytes per second; 0 for no bound
	step float64       // by which the rate is raised next
	wait time.Duration // in front of the link, while it is too long
	open map[*valved]struct{}
}

func newValve() *valve { return &valve{step: firstStep, open: map[*valved]struct{}{}} }

func (v *valve) dial(d dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d(ctx, network, address)
		t, ok := c.(*net.TCPConn)
		if err != nil || !ok {
			return c, err
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		now := time.Now()
		o := &valved{TCPConn: t, valve: v, born: now, moved: now}
		v.open[o] = struct{}{}
		if v.rate > 0 {
			o.pace(v.rate)
		}
		return o, nil
	}
}

// patience is how long a connection may give no sign beyond what its round trips
// make likely.
const patience = 500 * time.Millisecond

// look has the kernel tell of each connection, and returns those that stand
// still: the other end has stopped to acknowledge what is sent. Packets were
// lost, or the link is cut, or it is back and the connection is not known any
// more on the way. It is to be called some times a second.
func (v *valve) look(now time.Time) (still []*valved) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for o := range v.open {
		info := o.info()
		if info == nil {
			continue
		}
		if info.Unacked == 0 || info.Delivered != o.seen {
			o.moved, o.seen = now, info.Delivered
		}
		if now.Sub(o.moved) > time.Duration(info.Rtt+4*info.Rttvar)*time.Microsecond+patience {
			still = append(still, o)
		}
		v.adjust(o, info, now)
	}
	return still
}

// adjust learns from a connection that was busy for a while.
func (v *valve) adjust(o *valved, info *unix.TCPInfo, now time.Time) {
	if info.Unacked == 0 || o.since.IsZero() {
		o.since, o.delivered = now, info.Delivered
		return
	}
	took := now.Sub(o.since)
	if took < lookEvery {
		return
	}
	segments := info.Delivered - o.delivered
	o.since, o.delivered = now, info.Delivered
	if segments == 0 {
		return
	}
	delivered := float64(segments) * float64(info.Snd_mss) / took.Seconds()
	if next, ok := v.next(delivered, int(info.Snd_mss), time.Duration(info.Rtt-min(info.Rtt, info.Min_rtt))*time.Microsecond); ok {
		v.rate = next
		o.pace(next)
	}
}

// next returns the new rate, and whether there is one, after a time in which so many bytes a second were
// delivered and packets waited so long.
func (v *valve) next(delivered float64, mss int, wait time.Duration) (rate float64, ok bool) {
	wait -= time.Duration(float64(mss) / delivered * float64(time.Second)) // its own
	if wait <= longQueue {
		v.wait = 0
	}
	switch {
	case wait > longQueue:
		grows := wait > v.wait
		v.wait, v.step = wait, firstStep
		rate = max(drain*delivered, leastRate)
		return rate, grows && (v.rate == 0 && rate < fastLink || rate < v.rate)
	case wait < shortQueue && v.rate > 0 && delivered > used*v.rate:
		rate = max(v.rate, min(v.rate*(1+v.step), headroom*delivered))
		v.step = min(2*v.step, lastStep)
		if rate > fastLink {
			rate = 0
		}
		return rate, true
	}
	return 0, false
}

// revived says whether one of these connections is open and does not stand still
// any more.
func (v *valve) revived(these, still []*valved) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(these, func(o *valved) bool {
		_, open := v.open[o]
		return open && !slices.Contains(still, o)
	})
}
