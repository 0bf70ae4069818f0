package sqlvault

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/sync/intake/upload"
)

// maxOpen bounds the unfinished uploads of one desk.
const maxOpen = 256

// Parts keeps resumable uploads in PostgreSQL, so that each chunk may come to
// another process. It implements upload.Parts.
type Parts struct{ v *Vault }

var _ upload.Parts = Parts{}

// Parts returns the uploads of a vault of OpenPostgres.
func (v *Vault) Parts() (Parts, error) {
	if _, ok := v.db.(postgres); !ok {
		return Parts{}, errors.New("uploads are kept in SQL by PostgreSQL only")
	}
	return Parts{v}, nil
}

// Create implements upload.Parts.
func (p Parts) Create(ctx context.Context, desk, id string, size int64, hash []byte) error {
	return p.wrap("create upload", p.v.db.write(ctx, func(t tx) error {
		var stored []byte
		var known int64
		err := t.Row(`SELECT size, body_hash FROM upload WHERE desk_id = $1 AND request_id = $2`, desk, id).Scan(&known, &stored)
		if err == nil {
			if known != size || !bytes.Equal(stored, hash) {
				return upload.ErrConflict
			}
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var open int
		if err := t.Row(`SELECT count(*) FROM upload WHERE desk_id = $1`, desk).Scan(&open); err != nil {
			return err
		}
		if open >= maxOpen {
			return upload.ErrTooMany
		}
		// Made by another process in between: its size and hash decide next time.
		_, err = t.Exec(`INSERT INTO upload (desk_id, request_id, size, body_hash, at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT DO NOTHING`, desk, id, size, hash, time.Now().UnixMilli())
		return err
	}))
}

// Offset implements upload.Parts.
func (p Parts) Offset(ctx context.Context, desk, id string) (offset, size int64, err error) {
	err = p.v.row(ctx, `SELECT received, size FROM upload WHERE desk_id = $1 AND request_id = $2`, desk, id).Scan(&offset, &size)
	return offset, size, p.wrap("find upload", err)
}

// Append implements upload.Parts. The lock on the upload's row decides between
// two processes that have the same chunk.
func (p Parts) Append(ctx context.Context, desk, id string, at int64, chunk []byte) (offset int64, err error) {
	err = p.v.db.write(ctx, func(t tx) error {
		var size int64
		err := t.Row(`SELECT received, size FROM upload WHERE desk_id = $1 AND request_id = $2 FOR UPDATE`, desk, id).Scan(&offset, &size)
		if err != nil {
			return err
		}
		if at != offset || at+int64(len(chunk)) > size {
			return upload.ErrOffset
		}
		if len(chunk) == 0 {
			return nil
		}
		if _, err := t.Exec(`INSERT INTO upload_part (desk_id, request_id, at, bytes) VALUES ($1, $2, $3, $4)`, desk, id, at, chunk); err != nil {
			return err
		}
		offset = at + int64(len(chunk))
		_, err = t.Exec(`UPDATE upload SET received = $1, at = $2 WHERE desk_id = $3 AND request_id = $4`, offset, time.Now().UnixMilli(), desk, id)
		return err
	})
	if err != nil {
		return 0, p.wrap("append to upload", err)
	}
	return offset, nil
}

// Bytes implements upload.Parts.
func (p Parts) Bytes(ctx context.Context, desk, id string) ([]byte, error) {
	offset, size, err := p.Offset(ctx, desk, id)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, size)
	chunks, err := list(ctx, p.v, func(r *sql.Rows) (chunk []byte, err error) { return chunk, r.Scan(&chunk) },
		`SELECT bytes FROM upload_part WHERE desk_id = $1 AND request_id = $2 ORDER BY at`, desk, id)
	for _, c := range chunks {
		out = append(out, c...)
	}
	if err == nil && int64(len(out)) < offset {
		err = fmt.Errorf("%d bytes, want %d", len(out), offset)
	}
	if err != nil {
		return nil, p.wrap("read upload", err)
	}
	return out, nil
}

// Drop implements upload.Parts.
func (p Parts) Drop(ctx context.Context, desk, id string) error {
	return p.wrap("drop upload", p.v.db.write(ctx, func(t tx) error {
		_, err := t.Exec(`DELETE FROM upload WHERE desk_id = $1 AND request_id = $2`, desk, id)
		return err
	}))
}

// Sweep drops uploads that nothing was added to since before, and returns how
// many.
func (p Parts) Sweep(before time.Time) (dropped int, err error) {
	err = p.v.db.write(context.Background(), func(t tx) error {
		n, err := t.Exec(`DELETE FROM upload WHERE at < $1`, before.UnixMilli())
		dropped = int(n)
		return err
	})
	return dropped, p.wrap("sweep uploads", err)
}

func (p Parts) wrap(op string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		err = upload.ErrUnknown
	}
	return wrap(op, err)
}
