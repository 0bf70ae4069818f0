// Package sqlvault keeps a central's vault in SQL: in an SQLite file of its own
// process, or in a PostgreSQL database that several intake processes share. The
// statements are the same; what differs is an [engine].
package sqlvault

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/sync/intake/vault"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// tx runs statements inside one transaction.
type tx interface {
	// Exec returns the number of rows that changed.
	Exec(query string, args ...any) (int64, error)
	Row(query string, args ...any) *sql.Row
}

// engine is a database. Its reader sees what is committed; write runs f in a
// transaction that is durable when it returns, and runs f again when the
// transaction collided with another one.
type engine interface {
	reader() *sql.DB
	write(ctx context.Context, f func(tx) error) error
	close() error
}

// Vault implements vault.Vault.
type Vault struct {
	db engine
	// lock and skip end a SELECT whose rows no other process may take; SQLite,
	// which has one writer, knows neither.
	lock, skip string
}

var _ vault.Vault = (*Vault)(nil)

// Close closes the database.
func (v *Vault) Close() error { return v.db.close() }

func (v *Vault) row(ctx context.Context, query string, args ...any) *sql.Row {
	return v.db.reader().QueryRowContext(ctx, query, args...)
}

// list scans every row of a query.
func list[T any](ctx context.Context, v *Vault, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := v.db.reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

func fromMillis(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64)
}

// wrap names the operation and turns "no rows" into vault.ErrUnknown.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = vault.ErrUnknown
	}
	return fmt.Errorf("%s: %w", op, err)
}
