// Package uplink carries the desk's queue to the central: it sends what is
// sealed, believes only signed receipts, and fetches the decisions. One
// goroutine sends and one waits for results; the queue decides what is next, so
// nothing is lost when either end dies at any point.
package uplink

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// Outbox yields what is to be sent; *queue.Queue is one.
type Outbox interface {
	Due(ctx context.Context, now time.Time) (row *queue.Row, next time.Time, err error)
	Payload(ctx context.Context, id string) ([]byte, error)
	Awaiting(ctx context.Context, limit int) ([]queue.Row, error)
}

// Ledger writes down what became of it.
type Ledger interface {
	Failed(ctx context.Context, a queue.Attempt) error
	Received(ctx context.Context, receipt queue.Statement) error
	Settled(ctx context.Context, o queue.Outcome) error
}

// Watcher tells that rows changed.
type Watcher interface {
	Changes() (changes <-chan struct{}, cancel func())
}

// Queue is all that an uplink needs.
type Queue interface {
	Outbox
	Ledger
	Watcher
}

// Options of an uplink; all but Log are required.
type Options struct {
	URL        string      // "https://central.example:8443"
	TLS        *tls.Config // wire.Files.ClientTLS
	DeskID     string
	ReceiptKey *ecdsa.PublicKey
	Queue      Queue
	Log        *slog.Logger
}

// Uplink is one desk's connection to its central.
type Uplink struct {
	o      Options
	base   string
	client *http.Client
	kick   chan struct{}

	mu      sync.Mutex
	started map[string]time.Time // first byte of a request whose result is awaited
	online  bool
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
	return &Uplink{
		o: o, base: u.Scheme + "://" + u.Host, client: newClient(o.TLS),
		kick: make(chan struct{}, 1), started: map[string]time.Time{},
	}, nil
}

// Kick ends a back-off at once: the network came up, or somebody waits.
func (u *Uplink) Kick() {
	select {
	case u.kick <- struct{}{}:
	default:
	}
}

// Online says whether the central answered the last time it was asked.
func (u *Uplink) Online() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.online
}

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
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// send delivers one request after the other.
func (u *Uplink) send(ctx context.Context) error {
	changes, cancel := u.o.Queue.Changes()
	defer cancel()
	var link backOff
	for ctx.Err() == nil {
		row, next, err := u.o.Queue.Due(ctx, time.Now())
		switch {
		case err != nil:
			u.o.Log.Error("queue not readable", "code", eid.CodeOf(err))
			pause(ctx, link.next(), nil, u.kick)
		case row == nil && next.IsZero():
			pause(ctx, -1, changes, u.kick)
		case row == nil:
			pause(ctx, time.Until(next), changes, u.kick)
		default:
			if u.deliver(ctx, *row) {
				link.reset()
			} else if pause(ctx, link.next(), nil, u.kick) == kicked {
				link.reset()
			}
		}
	}
	return nil
}

// deliver sends one request and writes down what came of it. It returns false
// when the central cannot be reached or does not know this desk, so that
// trying another request would not help.
func (u *Uplink) deliver(ctx context.Context, row queue.Row) (goOn bool) {
	sealed, err := u.o.Queue.Payload(ctx, row.ID)
	if err != nil {
		// Damaged on our own disk: it can never be sent; the officer must know.
		u.failed(ctx, queue.Attempt{ID: row.ID, Code: eid.CodeOf(err), Aside: ctx.Err() == nil})
		return true
	}
	signed, err := u.put(ctx, row, sealed)
	if err == nil {
		err = u.received(ctx, row, signed)
	}
	if err == nil {
		return true
	}
	if ctx.Err() != nil {
		return false // we are ending: the next start tries again
	}
	a := queue.Attempt{ID: row.ID, Code: eid.CodeOf(err), Next: time.Now()}
	p, answered := errors.AsType[wire.Problem](err)
	if answered {
		a.Reason = string(p.Code)
	}
	goOn, a.Aside = judge(err)
	if goOn && !a.Aside {
		a.Next = a.Next.Add(delay(row.Attempts)) // this request waits, others go
	}
	u.o.Log.Warn("request not delivered", "seq", row.Seq, "code", a.Code, "reason", a.Reason, "aside", a.Aside)
	u.failed(ctx, a)
	return goOn
}

func (u *Uplink) failed(ctx context.Context, a queue.Attempt) {
	if a.Aside {
		u.mu.Lock()
		delete(u.started, a.ID)
		u.mu.Unlock()
	}
	if err := u.o.Queue.Failed(ctx, a); err != nil && ctx.Err() == nil {
		u.o.Log.Error("attempt not recorded", "code", eid.CodeOf(err))
	}
}

// judge says what a failed delivery means: whether others may be tried now, and
// whether this one is ever to be tried again.
func judge(err error) (goOn, aside bool) {
	p, answered := errors.AsType[wire.Problem](err)
	switch {
	case eid.CodeOf(err) == eid.CodeReceipt, eid.CodeOf(err) == eid.CodeQueue:
		return true, false
	case !answered:
		return false, false // no answer: the link is down
	case p.Status == http.StatusUnauthorized, p.Status == http.StatusForbidden:
		return false, false // it is the desk that is refused, not the request
	case p.Status == http.StatusRequestTimeout, p.Status == http.StatusTooManyRequests, p.Status >= 500, p.Code == "":
		return p.Status == http.StatusInternalServerError, false // busy, or something between us
	default:
		return true, true
	}
}

// received verifies a receipt and lets the queue delete the payload.
func (u *Uplink) received(ctx context.Context, row queue.Row, signed []byte) error {
	if _, err := u.verify(wire.KindReceipt, row, signed); err != nil {
		return err
	}
	return u.o.Queue.Received(ctx, u.statement(row, signed))
}

func (u *Uplink) verify(kind wire.Kind, row queue.Row, signed []byte) (wire.Statement, error) {
	s, err := wire.VerifyStatement(u.o.ReceiptKey, signed)
	if err == nil {
		err = s.About(kind, request.Ident{Desk: u.o.DeskID, Request: row.ID, Seq: row.Seq}, row.BodyHash)
	}
	if err != nil {
		return wire.Statement{}, eid.Fail(eid.CodeReceipt, "verify "+string(kind), err)
	}
	return s, nil
}

func (u *Uplink) statement(row queue.Row, signed []byte) queue.Statement {
	return queue.Statement{ID: row.ID, DeskID: u.o.DeskID, Seq: row.Seq, BodyHash: row.BodyHash, Signed: signed}
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
