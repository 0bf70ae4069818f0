package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// idleAfter is how long a connection that nobody uses is kept.
const idleAfter = time.Minute

// line is an http.RoundTripper to one central. It makes one connection at a
// time and shares it: after a cut everybody who waits for the central would
// else make one of his own, and on a link of 64 kbit/s some handshakes beside
// each other take seconds. Where the central speaks HTTP/1.1 only, it makes the
// next connection when all others are in use.
type line struct {
	transport *http.Transport
	address   string
	valve     *valve

	mu      sync.Mutex
	open    []*http.ClientConn
	dialing *dialing
	idle    *time.Timer
}

type dialing struct {
	began time.Time
	done  chan struct{}
	err   error
}

func newLine(conf *tls.Config, d dial, v *valve, central *url.URL) *line {
	address := central.Host
	if central.Port() == "" {
		address = net.JoinHostPort(central.Hostname(), "443")
	}
	return &line{address: address, valve: v, transport: &http.Transport{
		DialTLSContext:        newGreeter(conf, central.Hostname(), d).dial,
		ResponseHeaderTimeout: answerTimeout,
		// Lanes and long polls share one connection: one handshake after a cut,
		// and headers that were sent before cost a byte.
		ForceAttemptHTTP2: true,
		HTTP2:             &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: deadAfter},
	}}
}

func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	c, err := l.conn(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	return c.RoundTrip(req)
}

// conn returns a connection with room for one more request.
func (l *line) conn(ctx context.Context) (*http.ClientConn, error) {
	for {
		c, d, mine := l.find()
		if c != nil {
			return c, nil
		}
		if mine {
			if _, err := l.connect(ctx, d); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-d.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if d.err != nil && !errors.Is(d.err, context.Canceled) {
			return nil, d.err // ours would fail as well
		}
	}
}

// find returns a reserved connection, or the dial under way; mine says that the
// caller is to make it.
func (l *line) find() (c *http.ClientConn, d *dialing, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle == nil {
		l.idle = time.AfterFunc(idleAfter, l.closeIdle)
	} else {
		l.idle.Reset(idleAfter)
	}
	live := l.open[:0]
	for _, o := range l.open {
		if o.Err() != nil {
			continue
		}
		live = append(live, o)
		if c == nil && o.Reserve() == nil {
			c = o
		}
	}
	clear(l.open[len(live):])
	l.open = live
	if c != nil {
		return c, nil, false
	}
	if l.dialing == nil {
		l.dialing, mine = &dialing{began: time.Now(), done: make(chan struct{})}, true
	}
	return nil, l.dialing, mine
}

// connect makes the connection for all who wait for d.
func (l *line) connect(ctx context.Context, d *dialing) (*http.ClientConn, error) {
	c, err := l.transport.NewClientConn(ctx, "https", l.address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.open = append(l.open, c)
	}
	d.err, l.dialing = err, nil
	close(d.done)
	return c, err
}

// watchEvery is how often the connections are looked at.
const watchEvery = 200 * time.Millisecond

// watch makes a new connection when one stands still. The kernel asks a dead one
// less and less often whether it still lives, up to seconds after the link came
// back. A connection that stood still until the new one was there is closed, and
// its requests go on over that; if it moves again, the new one is not needed.
func (l *line) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		pause(ctx, watchEvery, nil, nil)
		before := l.valve.look(time.Now())
		if len(before) == 0 {
			continue
		}
		d := l.claim()
		if d == nil {
			l.giveUp(before) // somebody makes one already
			continue
		}
		c, err := l.connect(ctx, d)
		if err != nil {
			continue
		}
		dead := l.valve.look(time.Now())
		for _, o := range dead {
			_ = o.Close()
		}
		if l.valve.revived(before, dead) && c.InFlight() == 0 {
			_ = c.Close()
		}
	}
	return nil
}

// giveUp closes the connection that is being made, when it is among those that
// stand still: the link was cut during the handshake.
func (l *line) giveUp(still []*valved) {
	l.mu.Lock()
	d := l.dialing
	l.mu.Unlock()
	for _, o := range still {
		if d != nil && o.born.After(d.began) {
			_ = o.Close()
		}
	}
}

// claim returns a dial that the caller is to make, nil when one is under way.
func (l *line) claim() *dialing {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dialing != nil {
		return nil
	}
	l.dialing = &dialing{began: time.Now(), done: make(chan struct{})}
	return l.dialing
}

// closeIdle closes connections without a request under way.
func (l *line) closeIdle() { l.closeThose(func(c *http.ClientConn) bool { return c.InFlight() == 0 }) }

// CloseIdleConnections is called by http.Client's method of the same name: at
// the end, when no request is under way any more.
func (l *line) CloseIdleConnections() {
	l.closeThose(func(*http.ClientConn) bool { return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle != nil {
		l.idle.Stop()
	}
}

func (l *line) closeThose(which func(*http.ClientConn) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.open[:0]
	for _, c := range l.open {
		if which(c) {
			_ = c.Close()
		} else {
			kept = append(kept, c)
		}
	}
	clear(l.open[len(kept):])
	l.open = kept
}
