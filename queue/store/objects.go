package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
)

// Querier is a database, a connection or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Objects lists tables, indexes and triggers with the statements that made them.
func Objects(ctx context.Context, db Querier) ([]string, error) {
	rows, err := db.QueryContext(ctx, `SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name`)
	if err != nil {
		return nil, fmt.Errorf("list schema: %w", err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("list schema: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Objects lists what a database of the schema's newest version has.
func (s Schema) Objects(ctx context.Context) (list []string, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("list schema: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx) // each connection has a memory of its own
	if err != nil {
		return nil, fmt.Errorf("list schema: %w", err)
	}
	defer conn.Close()
	names, err := fs.Glob(s.Migrations, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(s.Migrations, name)
		if err != nil {
			return nil, err
		}
		if _, err := conn.ExecContext(ctx, string(text)); err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return Objects(ctx, conn)
}
