package queue

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// State of a request at the desk.
type State string

const (
	Sealed   State = "sealed"   // waiting to be sent
	Received State = "received" // the central has it; its payload is gone from here
	Granted  State = "granted"
	Rejected State = "rejected"
	Refused  State = "refused" // the central does not take it: put aside with its payload
)

// Row is one request as the officer's screen and the uplink see it.
type Row struct {
	Seq         int64     `json:"seq"`
	ID          string    `json:"id"`
	State       State     `json:"state"`
	QueuedAt    time.Time `json:"queued_at"`
	AgeSeconds  int64     `json:"age_seconds"`
	DueAt       eid.Date  `json:"due_at"`
	Attempts    int       `json:"attempts"` // times that sending was tried
	Error       eid.Code  `json:"error,omitempty"`
	Reason      string    `json:"reason,omitempty"` // the central's reason code
	SealedBytes int       `json:"sealed_bytes"`
	BodyHash    []byte    `json:"body_hash"` // SHA-256 of the sealed bytes
	Receipt     bool      `json:"receipt"`   // a verified receipt is kept
	SyncMS      int64     `json:"sync_ms"`   // first byte sent to verified result; 0 if unknown
}

const rowColumns = `seq, id, state, queued_at, due_at, attempts, last_error, reason, sealed_bytes, body_hash, receipt IS NOT NULL, sync_ms`

func scanRow(scan func(...any) error) (Row, error) {
	var r Row
	var at int64
	err := scan(&r.Seq, &r.ID, &r.State, &at, &r.DueAt, &r.Attempts, &r.Error, &r.Reason, &r.SealedBytes, &r.BodyHash, &r.Receipt, &r.SyncMS)
	if err != nil {
		return Row{}, err
	}
	r.QueuedAt = time.UnixMilli(at).UTC()
	r.AgeSeconds = int64(time.Since(r.QueuedAt).Seconds())
	return r, nil
}

func (q *Queue) rows(ctx context.Context, op, query string, args ...any) ([]Row, error) {
	rows, err := q.db.Read.QueryContext(ctx, `SELECT `+rowColumns+` FROM request `+query, args...)
	if err != nil {
		return nil, fail(op, err)
	}
	defer rows.Close()
	list := []Row{}
	for rows.Next() {
		r, err := scanRow(rows.Scan)
		if err != nil {
			return nil, fail(op, err)
		}
		list = append(list, r)
	}
	return list, fail(op, rows.Err())
}

// List returns the newest requests, newest first.
func (q *Queue) List(ctx context.Context, limit int) ([]Row, error) {
	return q.rows(ctx, "list queue", `ORDER BY seq DESC LIMIT ?`, limit)
}

// Get returns one request.
func (q *Queue) Get(ctx context.Context, id string) (Row, error) {
	r, err := scanRow(q.db.Read.QueryRowContext(ctx, `SELECT `+rowColumns+` FROM request WHERE id = ?`, id).Scan)
	return r, fail("get request", err)
}

// Due returns the request to send now, the nearest legal deadline first. When
// none may be sent at now, next is the time at which one may; zero when none waits.
func (q *Queue) Due(ctx context.Context, now time.Time) (row *Row, next time.Time, err error) {
	list, err := q.rows(ctx, "find due request", `WHERE state = 'sealed' AND next_at <= ? ORDER BY due_at, seq LIMIT 1`, now.UnixMilli())
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(list) > 0 {
		return &list[0], time.Time{}, nil
	}
	var at sql.NullInt64
	if err := q.db.Read.QueryRowContext(ctx, `SELECT min(next_at) FROM request WHERE state = 'sealed'`).Scan(&at); err != nil {
		return nil, time.Time{}, fail("find due request", err)
	}
	if at.Valid {
		next = time.UnixMilli(at.Int64)
	}
	return nil, next, nil
}

// Awaiting returns requests that the central received and has not decided, as
// far as this desk knows.
func (q *Queue) Awaiting(ctx context.Context, limit int) ([]Row, error) {
	return q.rows(ctx, "find awaited results", `WHERE state = 'received' ORDER BY due_at, seq LIMIT ?`, limit)
}

// Payload returns the sealed bytes of a request, checked against its hash.
func (q *Queue) Payload(ctx context.Context, id string) ([]byte, error) {
	var name string
	var hash []byte
	err := q.db.Read.QueryRowContext(ctx, `SELECT payload, body_hash FROM request WHERE id = ?`, id).Scan(&name, &hash)
	if err != nil {
		return nil, fail("read payload", err)
	}
	if name == "" {
		return nil, fail("read payload", errors.New("payload was purged"))
	}
	data, err := store.ReadFile(q.payload, name, request.MaxSealed)
	if err != nil {
		return nil, fail("read payload", err)
	}
	if !bytes.Equal(request.Hash(data), hash) {
		return nil, fail("read payload", errors.New("payload does not fit its hash"))
	}
	return data, nil
}
