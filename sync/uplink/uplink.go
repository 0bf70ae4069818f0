// Package uplink carries the desk's queue to the central: it announces what
// waits, sends it in pieces that survive a cut, believes only signed receipts,
// and fetches what became of each request. The queue decides what is next, so
// nothing is lost when either end dies at any point.
//
// One goroutine keeps the session: it announces, then a few lanes carry one
// request each over one HTTP/2 connection. One of them at a time sends, the
// nearest legal deadline first and the smallest first among equals; the others
// wait for the central's answer or are ready to go on. Another goroutine waits
// for results by long polls, and another watches the connection.
package uplink

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
)

// Outbox yields what is to be sent; *queue.Queue is one, and also each of the
// interfaces below.
type Outbox interface {
	Waiting(ctx context.Context, limit int) ([]queue.Row, error)
	Payload(ctx context.Context, id string) ([]byte, error)
}

// Inbox yields what the central still has to say something about.
type Inbox interface {
	Awaiting(ctx context.Context, limit int) ([]queue.Row, error)
	AwaitingActivation(ctx context.Context, limit int) ([]queue.Row, error)
}

// Progress writes down how far the sending came.
type Progress interface {
	Announced(ctx context.Context, id string) error
	Uploading(ctx context.Context, id string, offset int64) error
	Failed(ctx context.Context, a queue.Attempt) error
}

// Proofs writes down what the central signed.
type Proofs interface {
	Received(ctx context.Context, receipt queue.Statement) error
	Settled(ctx context.Context, o queue.Outcome) error
}

// Audit is the log whose head goes to the central at each sync.
type Audit interface {
	Log(ctx context.Context) (queue.LogHead, error)
	ConsistencyOf(ctx context.Context, from, size int64) (tlog.TreeProof, error)
}

// Watcher tells that rows changed.
type Watcher interface {
	Changes() (changes <-chan struct{}, cancel func())
}

// Queue is all that an uplink needs.
type Queue interface {
	Outbox
	Inbox
	Progress
	Proofs
	Audit
	Watcher
}

// Options of an uplink; all but Policy, Dial and Log are required.
type Options struct {
	URL        string      // "https://central.example:8443"
	TLS        *tls.Config // wire.Files.ClientTLS
	DeskID     string
	ReceiptKey *ecdsa.PublicKey
	Queue      Queue
	Policy     Policy
	// Dial makes the connections; nil for the system's dialer. Its sockets
	// should have the options of [SocketOptions].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Log  *slog.Logger
}

// Uplink is one desk's connection to its central.
type Uplink struct {
	o       Options
	base    string
	client  *http.Client
	kick    chan struct{}
	pace    pace
	line    *line
	turn    turn
	breaker breaker
	later   later
	sent    atomic.Int64 // bytes of requests given to the transport
	plain   atomic.Bool  // the central takes whole requests only

	mu      sync.Mutex
	started map[string]time.Time // first byte ever sent of a request whose result is awaited
	online  bool
	logKept int64 // size of the audit log that the central says it keeps
	logBad  bool  // it says that the log contradicts it
}

// New checks the options; Run does the work.
func New(o Options) (*Uplink, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("central's URL %q: want https://host:port", o.URL)
	}
	if o.TLS == nil || o.ReceiptKey == nil || o.Queue == nil {
		return nil, errors.New("uplink needs TLS, a receipt key and a queue")
	}
	if err := request.CheckDesk(o.DeskID); err != nil {
		return nil, fmt.Errorf("uplink: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = dialer
	}
	v := newValve()
	l := newLine(o.TLS, capped(v.dial(o.Dial), o.Policy.BytesPerSecond), v, u)
	return &Uplink{
		o: o, base: u.Scheme + "://" + u.Host, line: l, client: newClient(l),
		kick: make(chan struct{}, 1), started: map[string]time.Time{}, later: later{until: map[string]time.Time{}},
	}, nil
}

// Kick ends a back-off at once: the network came up, or somebody waits.
func (u *Uplink) Kick() {
	select {
	case u.kick <- struct{}{}:
	default:
	}
}

// Status is the state of the connection.
type Status struct {
	Online bool // the central answered the last time it was asked
	// Refused says that it refuses this desk as such (certificate, registration):
	// nothing is sent until a probe is let in, at Probe at the latest.
	Refused bool
	Probe   time.Time
	// LogContradicts says that the central knows another audit log of this desk:
	// its disk was restored from an old copy, copied or altered.
	LogContradicts bool
	Sent           int64 // bytes of requests given to the transport since the start
}

// Status returns the present state.
func (u *Uplink) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	probe, open := u.breaker.state(time.Now())
	return Status{Online: u.online, Refused: open, Probe: probe, LogContradicts: u.logBad, Sent: u.sent.Load()}
}

// Online says whether the central answered the last time it was asked.
func (u *Uplink) Online() bool { return u.Status().Online }

func (u *Uplink) setOnline(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.online != on {
		u.online = on
		u.o.Log.Info("central reachable", "online", on)
	}
}

// Run works until ctx ends, and returns nil then. A failure of the queue itself
// is waited out like a failure of the network.
func (u *Uplink) Run(ctx context.Context) error {
	defer u.client.CloseIdleConnections()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return u.send(ctx) })
	g.Go(func() error { return u.await(ctx) })
	g.Go(func() error { return u.line.watch(ctx) })
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// wake is what ended a pause.
type wake int

const (
	elapsed wake = iota // the time, or ctx
	changed             // the queue
	kicked              // Kick
)

// pause waits for d (without end when negative), a change of the queue or a
// kick; a nil channel is not waited for.
func pause(ctx context.Context, d time.Duration, changes, kick <-chan struct{}) wake {
	var timer <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-timer:
	case <-changes:
		return changed
	case <-kick:
		return kicked
	}
	return elapsed
}
