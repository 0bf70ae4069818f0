package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
)

// maxStatements bounds the statements kept; a program has some dozens, and each of
// those of Insert once for every number of rows.
const maxStatements = 128

// maxRows bounds the rows that one statement inserts.
const maxRows = 8

// statements keeps what one connection has prepared: parsing a statement takes
// longer than running it.
type statements struct {
	conn *sql.Conn
	kept map[string]*sql.Stmt
	off  bool // migrations change the tables under them
}

// of returns query prepared, or nil where it is to be run as text.
func (s *statements) of(query string) *sql.Stmt {
	if stmt, ok := s.kept[query]; ok || s.off || len(s.kept) >= maxStatements {
		return stmt
	}
	stmt, err := s.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil // running it will say why
	}
	if s.kept == nil {
		s.kept = map[string]*sql.Stmt{}
	}
	s.kept[query] = stmt
	return stmt
}

func (s *statements) close() (err error) {
	for _, stmt := range s.kept {
		err = errors.Join(err, stmt.Close())
	}
	s.kept = nil
	return err
}

// Tx runs statements inside the shared transaction. Their texts are few: values
// are arguments.
type Tx struct {
	conn  *sql.Conn
	known *statements
}

// Exec runs one statement and returns the number of rows that it changed.
func (t Tx) Exec(query string, args ...any) (int64, error) {
	r, err := t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Insert writes rows into the columns of a table, "table (column, column)", with as
// few statements as it takes: most of what a small row costs is its statement.
func (t Tx) Insert(table string, rows ...[]any) error {
	for some := range slices.Chunk(rows, maxRows) {
		one := "(?" + strings.Repeat(", ?", len(some[0])-1) + ")"
		query := "INSERT INTO " + table + " VALUES " + one + strings.Repeat(", "+one, len(some)-1)
		if _, err := t.exec(query, slices.Concat(some...)...); err != nil {
			return err
		}
	}
	return nil
}

func (t Tx) exec(query string, args ...any) (sql.Result, error) {
	if stmt := t.known.of(query); stmt != nil {
		return stmt.ExecContext(context.Background(), args...)
	}
	return t.conn.ExecContext(context.Background(), query, args...)
}

// Rows runs a query; the caller closes it before the next statement.
func (t Tx) Rows(query string, args ...any) (*sql.Rows, error) {
	if stmt := t.known.of(query); stmt != nil {
		return stmt.QueryContext(context.Background(), args...)
	}
	return t.conn.QueryContext(context.Background(), query, args...)
}

// Row runs a query of one row.
func (t Tx) Row(query string, args ...any) *sql.Row {
	if stmt := t.known.of(query); stmt != nil {
		return stmt.QueryRowContext(context.Background(), args...)
	}
	return t.conn.QueryRowContext(context.Background(), query, args...)
}
