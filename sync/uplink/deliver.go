package uplink

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// deliver sends one request and writes down what came of it. An error ends the
// session: the central cannot be reached or does not know this desk, so that
// trying another request would not help.
func (s *session) deliver(ctx context.Context, row queue.Row, at int64) error {
	u := s.u
	sealed, err := u.o.Queue.Payload(ctx, row.ID)
	var signed []byte
	if err == nil {
		signed, err = s.carry(ctx, row, sealed, at)
	}
	if err == nil {
		err = u.received(ctx, row, signed)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // we are ending, or another lane has seen the link fail
	}
	if errors.Is(err, errGone) {
		// Finished by an answer that was lost, or dropped by the central: the
		// next announcement tells which.
		u.later.put(row.ID, 0, time.Now())
		return nil
	}
	return u.judge(ctx, row, err)
}

// carry sends what the central has not got and returns the signed receipt,
// unverified.
func (s *session) carry(ctx context.Context, row queue.Row, sealed []byte, at int64) ([]byte, error) {
	u := s.u
	if u.plain.Load() || at == 0 && u.pace.whole(len(sealed)) {
		if err := u.o.Queue.Uploading(ctx, row.ID, 0); err != nil {
			return nil, err
		}
		done, err := u.turn.take(ctx, row)
		if err != nil {
			return nil, err
		}
		defer done()
		return u.put(ctx, row, sealed, done)
	}
	p := &upload{
		client: u.client, url: u.base + wire.UploadPath(row.ID), sealed: sealed,
		chunk: u.pace.chunk, timed: u.pace.sent, sent: u.sending(row.ID),
		turn: func(ctx context.Context) (func(), error) { return u.turn.take(ctx, row) },
		at:   func(offset int64) error { return u.o.Queue.Uploading(ctx, row.ID, offset) },
	}
	signed, err := p.run(ctx, at)
	if _, coded := errors.AsType[*eid.Error](err); err == nil || coded || errors.Is(err, errGone) {
		return signed, err
	}
	if _, answered := errors.AsType[wire.Problem](err); answered {
		return nil, eid.Fail(eid.CodeSyncRefused, "upload", err)
	}
	return nil, u.unreachable("upload", err)
}

// stopped writes down that the central could not be told of rows at all.
func (u *Uplink) stopped(ctx context.Context, rows []queue.Row, err error) {
	if len(rows) > 0 {
		_ = u.judge(ctx, rows[0], err) // one row says it for all
		return
	}
	if hard(err) {
		u.breaker.trip(time.Now())
	}
	u.o.Log.Warn("central not told", "code", eid.CodeOf(err))
}

// hard says whether it is the desk that is refused, and not the request.
func hard(err error) bool {
	p, answered := errors.AsType[wire.Problem](err)
	if !answered {
		return refusedTLS(err)
	}
	return p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden
}

// judge writes down a failed delivery and says what it means: nil when others
// may be sent now, else the end of the session. A request that fails by itself
// waits longer each time; one that will never be taken is put aside.
func (u *Uplink) judge(ctx context.Context, row queue.Row, err error) (end error) {
	now := time.Now()
	a := queue.Attempt{ID: row.ID, Code: eid.CodeOf(err), Next: now}
	p, answered := errors.AsType[wire.Problem](err)
	if answered {
		a.Reason = string(p.Code)
	}
	switch {
	case a.Code == eid.CodeReceipt, a.Code == eid.CodeState:
	case a.Code == eid.CodeQueue, a.Code == eid.CodeQueueDamaged:
		a.Aside = true // damaged on our own disk: it can never be sent, and the officer must know
	case hard(err):
		u.breaker.trip(now)
		end = err
	case !answered:
		end = err // no answer: the link is down
	case p.Status == http.StatusInternalServerError, p.Status == http.StatusConflict && p.Code == wire.ReasonOffset,
		p.Status == http.StatusLocked, p.Status == wire.StatusChecksum:
	case p.Status == http.StatusRequestTimeout, p.Status == http.StatusTooManyRequests, p.Status >= 500, p.Code == "":
		end = err // busy, or something between us
	default:
		a.Aside = true
	}
	if end == nil && !a.Aside {
		a.Next = u.later.put(row.ID, row.Attempts, now) // this request waits, others go
	}
	u.o.Log.Warn("request not delivered", "seq", row.Seq, "code", a.Code, "reason", a.Reason, "aside", a.Aside)
	if a.Aside {
		u.mu.Lock()
		delete(u.started, row.ID)
		u.mu.Unlock()
	}
	if err := u.o.Queue.Failed(ctx, a); err != nil && ctx.Err() == nil {
		u.o.Log.Error("attempt not recorded", "code", eid.CodeOf(err))
	}
	return end
}

// received verifies a receipt and lets the queue delete the payload.
func (u *Uplink) received(ctx context.Context, row queue.Row, signed []byte) error {
	s, err := u.verify(wire.KindReceipt, row, signed)
	if err != nil {
		return err
	}
	return u.o.Queue.Received(ctx, u.statement(row, s, signed))
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

func (u *Uplink) statement(row queue.Row, s wire.Statement, signed []byte) queue.Statement {
	return queue.Statement{ID: row.ID, DeskID: u.o.DeskID, Seq: row.Seq, BodyHash: row.BodyHash, Signed: signed, At: time.UnixMilli(s.Time)}
}
