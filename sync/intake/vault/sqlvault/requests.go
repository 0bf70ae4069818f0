package sqlvault

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

const requestColumns = `request.id, request.desk_id, request.seq, request.body_hash, request.previous, request.payload,
	request.received_at, request.receipt, request.state, request.moved_at, request.attempts,
	(SELECT signed FROM result WHERE result.request_id = request.id AND result.state = request.state)`

const selectRequest = `SELECT ` + requestColumns + ` FROM request WHERE id = $1`

func scanRequest(row *sql.Row) (r vault.Request, err error) {
	var received, moved sql.NullInt64
	err = row.Scan(&r.Ident.Request, &r.Ident.Desk, &r.Ident.Seq, &r.Hash, &r.Previous, &r.Payload, &received, &r.Receipt, &r.State, &moved, &r.Attempts, &r.Result)
	r.Received, r.Moved = fromMillis(received), fromMillis(moved)
	return r, err
}

// Add implements vault.Requests. The lock on the desk's row lets one request of
// a desk after the other pass, whichever process has it.
func (v *Vault) Add(ctx context.Context, r vault.Request) (first vault.Request, fresh bool, err error) {
	err = v.db.write(ctx, func(t tx) (err error) {
		fresh = false
		var desk string
		if err := t.Row(`SELECT id FROM desk WHERE id = $1`+v.lock, r.Ident.Desk).Scan(&desk); err != nil {
			return err
		}
		first, err = scanRequest(t.Row(selectRequest, r.Ident.Request))
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := checkChain(t, r); err != nil {
			return err
		}
		at := r.Received.UnixMilli()
		// Two desks may use one id at the same time: their locks are not the same.
		n, err := t.Exec(`INSERT INTO request (id, desk_id, seq, body_hash, previous, payload, received_at, receipt, state, moved_at, due_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`,
			r.Ident.Request, r.Ident.Desk, r.Ident.Seq, r.Hash, r.Previous, r.Payload, at, r.Receipt, string(wire.StateReceived), at, at)
		if err != nil {
			return err
		}
		if n == 0 {
			first, err = scanRequest(t.Row(selectRequest, r.Ident.Request))
			return err
		}
		first, fresh = r, true
		first.State, first.Moved = wire.StateReceived, r.Received
		_, err = t.Exec(`DELETE FROM announcement WHERE id = $1`, r.Ident.Request)
		return err
	})
	if err != nil {
		return vault.Request{}, false, wrap("store request", err)
	}
	return first, fresh, nil
}

// checkChain refuses a number that another request has, and neighbours that do
// not chain: signs of a desk that was copied or rolled back. Missing neighbours
// are no fault: requests arrive in the order of their deadlines.
func checkChain(t tx, r vault.Request) error {
	var other string
	err := t.Row(`SELECT id FROM request WHERE desk_id = $1 AND seq = $2`, r.Ident.Desk, r.Ident.Seq).Scan(&other)
	if err == nil {
		return vault.ErrOtherSeq
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var before, after []byte
	err = t.Row(`SELECT
		(SELECT body_hash FROM request WHERE desk_id = $1 AND seq = $2),
		(SELECT previous FROM request WHERE desk_id = $1 AND seq = $3)`, r.Ident.Desk, r.Ident.Seq-1, r.Ident.Seq+1).Scan(&before, &after)
	if err != nil {
		return err
	}
	if r.Ident.Seq == 1 {
		before = make([]byte, request.HashSize)
	}
	if before != nil && !bytes.Equal(before, r.Previous) || after != nil && !bytes.Equal(after, r.Hash) {
		return vault.ErrChain
	}
	return nil
}

// Request implements vault.Requests.
func (v *Vault) Request(ctx context.Context, id string) (vault.Request, error) {
	r, err := scanRequest(v.row(ctx, selectRequest, id))
	return r, wrap("find request", err)
}

// Names implements vault.Requests.
func (v *Vault) Names(ctx context.Context, payload string) (bool, error) {
	var n int
	err := v.row(ctx, `SELECT count(*) FROM request WHERE payload = $1`, payload).Scan(&n)
	return n > 0, wrap("find payload", err)
}

// Claim implements vault.Requests.
func (v *Vault) Claim(ctx context.Context, now time.Time, lease time.Duration, n int) (due []vault.Request, next time.Time, err error) {
	// Looking costs no transaction, and most looks find nothing.
	if next, err = v.nextDue(ctx); err != nil || next.IsZero() || next.After(now) {
		return nil, next, wrap("claim requests", err)
	}
	err = v.db.write(ctx, func(t tx) error {
		due = nil
		for range n {
			r, err := scanRequest(t.Row(`UPDATE request SET due_at = $1, attempts = attempts + 1 WHERE id =
				(SELECT id FROM request AS one WHERE due_at <= $2 ORDER BY due_at LIMIT 1`+v.skip+`) RETURNING `+requestColumns,
				now.Add(lease).UnixMilli(), now.UnixMilli()))
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			due = append(due, r)
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, wrap("claim requests", err)
	}
	next, err = v.nextDue(ctx)
	return due, next, wrap("claim requests", err)
}

func (v *Vault) nextDue(ctx context.Context) (time.Time, error) {
	var next sql.NullInt64
	err := v.row(ctx, `SELECT min(due_at) FROM request WHERE due_at IS NOT NULL`).Scan(&next)
	return fromMillis(next), err
}

// Postpone implements vault.Requests.
func (v *Vault) Postpone(ctx context.Context, id string, state wire.State, at time.Time) error {
	return wrap("postpone request", v.db.write(ctx, func(t tx) error {
		_, err := t.Exec(`UPDATE request SET due_at = $1 WHERE id = $2 AND state = $3`, at.UnixMilli(), id, string(state))
		return err
	}))
}

// Release implements vault.Requests. Granted requests keep their day.
func (v *Vault) Release(ctx context.Context, now time.Time) error {
	return wrap("release claims", v.db.write(ctx, func(t tx) error {
		_, err := t.Exec(`UPDATE request SET due_at = $1 WHERE due_at > $2 AND state <> 'granted'`, now.UnixMilli(), now.UnixMilli())
		return err
	}))
}

// Move implements vault.Requests.
func (v *Vault) Move(ctx context.Context, id string, from wire.State, r vault.Result, due time.Time) error {
	return wrap("store result", v.db.write(ctx, func(t tx) error {
		n, err := t.Exec(`UPDATE request SET state = $1, moved_at = $2, due_at = $3, attempts = 0 WHERE id = $4 AND state = $5`,
			string(r.State), r.At.UnixMilli(), millis(due), id, string(from))
		if err == nil && n == 0 {
			return vault.ErrChanged
		}
		if err != nil {
			return err
		}
		_, err = t.Exec(`INSERT INTO result (request_id, state, reason, at, signed) VALUES ($1, $2, $3, $4, $5)`,
			id, string(r.State), string(r.Reason), r.At.UnixMilli(), r.Signed)
		return err
	}))
}

// Results implements vault.Requests.
func (v *Vault) Results(ctx context.Context, id string) ([]vault.Result, error) {
	out, err := list(ctx, v, func(rows *sql.Rows) (r vault.Result, err error) {
		var at sql.NullInt64
		err = rows.Scan(&r.State, &r.Reason, &at, &r.Signed)
		r.At = fromMillis(at)
		return r, err
	}, `SELECT state, reason, at, signed FROM result WHERE request_id = $1 ORDER BY n`, id)
	return out, wrap("list results", err)
}

// Counts implements vault.Requests.
func (v *Vault) Counts(ctx context.Context) (map[wire.State]int, error) {
	type count struct {
		state wire.State
		n     int
	}
	counts, err := list(ctx, v, func(rows *sql.Rows) (c count, err error) { err = rows.Scan(&c.state, &c.n); return c, err },
		`SELECT state, count(*) FROM request GROUP BY state`)
	out := map[wire.State]int{}
	for _, c := range counts {
		out[c.state] = c.n
	}
	return out, wrap("count requests", err)
}
