package queue

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// Where a request's sealed bytes are, by its column payload: inRow is the table
// payload, ” is purged, anything else is a file's name.
const inRow = "row"

// MaxInRow is the largest payload that is a row. From there on a file is faster:
// a row goes through the database's log and is written twice.
const MaxInRow = 8 << 10

// placeOf says where the payload of a new request goes.
func placeOf(id string, sealed []byte) string {
	if len(sealed) <= MaxInRow {
		return inRow
	}
	return id
}

func insertPayloads(tx store.Tx, rows ...[]any) error {
	if err := tx.Insert(`payload (seq, data)`, rows...); err != nil {
		return fmt.Errorf("insert payload: %w", err)
	}
	return nil
}

// asker is a database, or one connection that sees one moment of it.
type asker interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Payload returns the sealed bytes of a request, checked against its hash.
func (r *Reader) Payload(ctx context.Context, id string) ([]byte, error) {
	const op = "read payload"
	rec, err := r.record(ctx, id)
	if err != nil {
		return nil, fail(op, err)
	}
	data, err := r.payloadOf(ctx, r.db, &rec)
	return data, fail(op, err)
}

func (r *Reader) payloadOf(ctx context.Context, db asker, rec *record) (data []byte, err error) {
	switch rec.Payload {
	case "":
		return nil, errors.New("payload was purged")
	case inRow:
		err = db.QueryRowContext(ctx, `SELECT data FROM payload WHERE seq = ?`, rec.Seq).Scan(blob{&data})
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("payload is missing: the table %w", errDamaged)
		}
	default:
		data, err = store.ReadFile(r.payload, rec.Payload, request.MaxSealed)
	}
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(request.Hash(data), rec.BodyHash) {
		return nil, fmt.Errorf("payload %w", errDamaged)
	}
	return data, nil
}
