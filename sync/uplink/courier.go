package uplink

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// Transport is a way to a central that does not speak this project's own wire;
// package osia has one. Both methods may be called again after any failure.
type Transport interface {
	// Deliver sends sealed bytes and returns the central's signed receipt,
	// unverified. Errors are *eid.Error; a refusal wraps a wire.Problem.
	Deliver(ctx context.Context, row queue.Row, sealed []byte) (receipt []byte, err error)
	// Result returns the newest signed result, unverified; nil while there is none.
	Result(ctx context.Context, row queue.Row) (result []byte, err error)
}

// CourierQueue is what a courier needs of a queue; *queue.Queue is one.
type CourierQueue interface {
	Watcher
	Due(ctx context.Context, now time.Time) (row *queue.Row, next time.Time, err error)
	Awaiting(ctx context.Context, limit int) ([]queue.Row, error)
	Payload(ctx context.Context, id string) ([]byte, error)
	Uploading(ctx context.Context, id string, offset int64) error
	Failed(ctx context.Context, a queue.Attempt) error
	Received(ctx context.Context, receipt queue.Statement) error
	Settled(ctx context.Context, o queue.Outcome) error
}

// Courier carries a queue over a [Transport], one request after the other, the
// nearest deadline first, and believes only signed statements, as an [Uplink].
type Courier struct {
	Transport  Transport
	DeskID     string
	ReceiptKey *ecdsa.PublicKey
	Queue      CourierQueue
	// Policy says what may go out and when, as for an uplink; its lanes are one, and
	// its bandwidth is kept by the transport, see [Policy.Dial]. URL is the central's,
	// for the way to it.
	Policy Policy
	URL    string
	Log    *slog.Logger
}

const (
	resultsEvery = 30 * time.Second
	resultsLimit = 64
	// noReceipt is the pause before a central that gave no receipt is asked
	// again: it may learn to, or the receipt comes by stick.
	noReceipt = time.Hour
)

// Run works until ctx ends, and returns nil then.
func (c Courier) Run(ctx context.Context) error {
	changes, cancel := c.Queue.Changes()
	defer cancel()
	var link backOff
	for ctx.Err() == nil {
		wait, err := c.round(ctx)
		if err != nil {
			c.Log.Warn("central not served", "code", eid.CodeOf(err))
			pause(ctx, link.next(), nil, nil)
			continue
		}
		link.reset()
		pause(ctx, wait, changes, nil)
	}
	return nil
}

// round sends what is due, then asks for results, and says how long nothing is
// to do. An error means that the central cannot be reached now.
func (c Courier) round(ctx context.Context) (time.Duration, error) {
	var next time.Time
	for {
		now := time.Now()
		row, at, err := c.Queue.Due(ctx, now)
		if err != nil {
			return 0, err
		}
		if row == nil {
			next = at
			break
		}
		// The nearest deadline comes first: where that may wait, all may.
		if until := c.Policy.restraint(ctx, now, c.URL); !until.IsZero() && !c.Policy.urgent(row.DueAt, now) {
			next = now.Add(meteredAgain) // an urgent one may wait for its next try meanwhile
			if until.Before(next) {
				next = until
			}
			break
		}
		if err := c.deliver(ctx, *row); err != nil {
			return 0, err
		}
	}
	awaited, err := c.Queue.Awaiting(ctx, resultsLimit)
	if err != nil {
		return 0, err
	}
	for _, row := range awaited {
		if err := c.settle(ctx, row); err != nil {
			return 0, err
		}
	}
	wait := time.Duration(-1)
	if len(awaited) > 0 {
		wait = resultsEvery
	}
	if !next.IsZero() && (wait < 0 || time.Until(next) < wait) {
		wait = max(0, time.Until(next))
	}
	return wait, nil
}

// deliver sends one request and writes down what came of it. Only what another
// request would meet as well is an error.
func (c Courier) deliver(ctx context.Context, row queue.Row) error {
	sealed, err := c.Queue.Payload(ctx, row.ID)
	if err != nil {
		// Damaged on our own disk: it can never be sent; the officer must know.
		return c.failed(ctx, queue.Attempt{ID: row.ID, Code: eid.CodeOf(err), Aside: ctx.Err() == nil})
	}
	if err := c.Queue.Uploading(ctx, row.ID, 0); err != nil { // frozen before the first byte
		return err
	}
	receipt, err := c.Transport.Deliver(ctx, row, sealed)
	var s wire.Statement
	if err == nil {
		s, err = c.verify(wire.KindReceipt, row, receipt)
	}
	if err == nil {
		return c.Queue.Received(ctx, c.statement(row, s, receipt))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := time.Now()
	a := queue.Attempt{ID: row.ID, Code: eid.CodeOf(err), Next: now.Add(delay(row.Attempts))}
	p, answered := errors.AsType[wire.Problem](err)
	a.Reason = string(p.Code)
	switch {
	case a.Code == eid.CodeReceipt:
		a.Next, err = now.Add(noReceipt), nil
	case !answered, p.Code == "", p.Status == http.StatusUnauthorized, p.Status == http.StatusForbidden, p.Status >= 500:
	default:
		a.Aside, err = true, nil
	}
	return errors.Join(err, c.failed(ctx, a))
}

func (c Courier) failed(ctx context.Context, a queue.Attempt) error {
	c.Log.Warn("request not delivered", "code", a.Code, "reason", a.Reason, "aside", a.Aside)
	return c.Queue.Failed(ctx, a)
}

func (c Courier) settle(ctx context.Context, row queue.Row) error {
	signed, err := c.Transport.Result(ctx, row)
	if err != nil || signed == nil {
		return err
	}
	s, err := c.verify(wire.KindResult, row, signed)
	if err == nil {
		err = c.Queue.Settled(ctx, queue.Outcome{Statement: c.statement(row, s, signed), State: queue.State(s.State), Reason: string(s.Reason)})
	}
	if code := eid.CodeOf(err); err != nil && (code == eid.CodeReceipt || code == eid.CodeState) {
		c.Log.Warn("result not taken", "seq", row.Seq, "code", code)
		return nil // the others may be right
	}
	return err
}

func (c Courier) verify(kind wire.Kind, row queue.Row, signed []byte) (wire.Statement, error) {
	s, err := wire.VerifyStatement(c.ReceiptKey, signed)
	if err == nil {
		err = s.About(kind, request.Ident{Desk: c.DeskID, Request: row.ID, Seq: row.Seq}, row.BodyHash)
	}
	if err != nil {
		return wire.Statement{}, eid.Fail(eid.CodeReceipt, fmt.Sprintf("verify %s", kind), err)
	}
	return s, nil
}

func (c Courier) statement(row queue.Row, s wire.Statement, signed []byte) queue.Statement {
	return queue.Statement{ID: row.ID, DeskID: c.DeskID, Seq: row.Seq, BodyHash: row.BodyHash, Signed: signed, At: time.UnixMilli(s.Time)}
}
