package queue

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
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
	Offset      int64     `json:"offset"`    // bytes of it that the central has said to hold
	Frozen      bool      `json:"frozen"`    // a byte of it was sent
	BodyHash    []byte    `json:"body_hash"` // SHA-256 of the sealed bytes
	Receipt     bool      `json:"receipt"`   // a verified receipt is kept
	SyncMS      int64     `json:"sync_ms"`   // first byte sent to verified result; 0 if unknown
	Damaged     bool      `json:"damaged,omitempty"`
}

func (r *record) row() Row {
	at := time.UnixMilli(r.QueuedAt).UTC()
	return Row{
		Seq: r.Seq, ID: r.ID, State: r.State, QueuedAt: at, AgeSeconds: max(0, int64(time.Since(at).Seconds())), DueAt: eid.Date(r.DueAt),
		Attempts: int(r.Attempts), Error: eid.Code(r.LastError), Reason: r.Reason, SealedBytes: int(r.SealedBytes), Offset: r.Offset,
		Frozen: r.FrozenAt != 0, BodyHash: r.BodyHash, Receipt: r.Receipt != nil, SyncMS: r.SyncMS,
	}
}

// each calls f for the rows of a query until f answers false. A damaged row comes
// with its error and must not stop the others.
func (r *Reader) each(ctx context.Context, query string, args []any, f func(record, error) bool) error {
	rows, err := r.db.QueryContext(ctx, `SELECT `+recordColumns+` FROM request `+query, args...) //nolint:gosec // constant texts of this package
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		rec, _, err := scanRecord(rows.Scan)
		if err != nil && eid.CodeOf(err) != eid.CodeQueueDamaged {
			return err
		}
		if !f(rec, err) {
			return nil
		}
	}
	return rows.Err()
}

// List returns the newest requests, newest first. A damaged row says so.
func (r *Reader) List(ctx context.Context, limit int) ([]Row, error) {
	list := []Row{}
	err := r.each(ctx, `ORDER BY seq DESC LIMIT ?`, []any{limit}, func(rec record, damage error) bool {
		row := rec.row()
		if damage != nil {
			row.Damaged, row.Error = true, eid.CodeQueueDamaged
		}
		list = append(list, row)
		return true
	})
	return list, fail("list queue", err)
}

// Get returns one request.
func (r *Reader) Get(ctx context.Context, id string) (Row, error) {
	rec, err := r.record(ctx, id)
	if err != nil {
		return Row{}, fail("get request", err)
	}
	return rec.row(), nil
}

func (r *Reader) record(ctx context.Context, id string) (record, error) {
	rec, _, err := scanRecord(r.byID.QueryRowContext(ctx, id).Scan)
	return rec, err
}

// Find reports the request queued under id.
func (r *Reader) Find(ctx context.Context, id string) (station.Queued, bool, error) {
	rec, err := r.record(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return station.Queued{}, false, nil
	}
	if err != nil {
		return station.Queued{}, false, fail("find request", err)
	}
	return station.Queued{Seq: rec.Seq, SealedBytes: int(rec.SealedBytes), QueuedAt: time.UnixMilli(rec.QueuedAt).UTC()}, true, nil
}

// The conditions of the partial indexes; a query must repeat them word for word.
const (
	isWaiting = `state IN ('sealed', 'announced', 'uploading')`
	isAwaited = `state IN ('received', 'accepted', 'needs_correction')`
	isGranted = `state = 'granted'`
	isRefused = `state = 'refused'`
)

// farFuture is a waiting time that no back-off gives: a request that waits for
// longer was put off by a clock that has been set back since.
const farFuture = 24 * time.Hour

// Due returns the request to send now: the nearest legal deadline first, the
// smallest first among equals. When none may be sent at now, next is the time at
// which one may; zero when none waits. A damaged row is passed over.
func (r *Reader) Due(ctx context.Context, now time.Time) (row *Row, next time.Time, err error) {
	const op = "find due request"
	late := now.Add(farFuture).UnixMilli()
	err = r.each(ctx, `WHERE `+isWaiting+` AND (next_at <= ? OR next_at > ?) ORDER BY due_at, sealed_bytes, seq`,
		[]any{now.UnixMilli(), late}, func(rec record, damage error) bool {
			if damage != nil {
				r.log.Error("damaged row passed over", "seq", rec.Seq)
				return true
			}
			due := rec.row()
			row = &due
			return false
		})
	if err != nil || row != nil {
		return row, time.Time{}, fail(op, err)
	}
	var at sql.NullInt64
	if err := r.db.QueryRowContext(ctx, `SELECT min(next_at) FROM request WHERE `+isWaiting+` AND next_at > 0 AND next_at > ?`, now.UnixMilli()).Scan(&at); err != nil {
		return nil, time.Time{}, fail(op, err)
	}
	if at.Valid {
		next = time.UnixMilli(at.Int64)
	}
	return nil, next, nil
}

// Awaiting returns requests that the central received and has not decided, as
// far as this desk knows.
func (r *Reader) Awaiting(ctx context.Context, limit int) ([]Row, error) {
	return r.sound(ctx, "find awaited results", `WHERE `+isAwaited+` ORDER BY due_at, seq LIMIT ?`, limit)
}

// AwaitingActivation returns granted requests whose account nobody has used yet.
func (r *Reader) AwaitingActivation(ctx context.Context, limit int) ([]Row, error) {
	return r.sound(ctx, "find awaited activations", `WHERE `+isGranted+` ORDER BY seq LIMIT ?`, limit)
}

// Waiting returns up to limit requests that are still to be sent, in the order
// of Due, whether or not their time has come.
func (r *Reader) Waiting(ctx context.Context, limit int) ([]Row, error) {
	return r.sound(ctx, "list waiting requests", `WHERE `+isWaiting+` ORDER BY due_at, sealed_bytes, seq LIMIT ?`, limit)
}

func (r *Reader) sound(ctx context.Context, op, query string, args ...any) ([]Row, error) {
	list := []Row{}
	err := r.each(ctx, query, args, func(rec record, damage error) bool {
		if damage == nil {
			list = append(list, rec.row())
		}
		return true
	})
	return list, fail(op, err)
}

// Statements returns what the central signed about a request, as received: its
// receipt and its newest result; nil where there is none.
func (r *Reader) Statements(ctx context.Context, id string) (receipt, result []byte, err error) {
	rec, err := r.record(ctx, id)
	return rec.Receipt, rec.Result, fail("read statements", err)
}
