// Package store keeps what was acknowledged through a power cut: SQLite in WAL
// mode with synchronous=FULL behind one writer goroutine with group commit, and
// payload files that are on the disk before a row names them.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // driver "sqlite"
)

// Schema is what a database file must be.
type Schema struct {
	ApplicationID int32 // PRAGMA application_id: whose file this is
	// Migrations holds one SQL file a version, in the order of their names;
	// PRAGMA user_version counts those applied.
	Migrations fs.FS
}

// DB is one open database file.
type DB struct {
	// Read serves queries; it sees what is committed and cannot write.
	Read   *sql.DB
	pool   *sql.DB
	writer *writer
}

// Open opens or makes the database at path and brings it to the schema's
// newest version. A file of another application or of a newer version is refused.
func Open(ctx context.Context, path string, s Schema) (*DB, error) {
	// SQLite would make the file with the umask's mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool, err := open(path, "secure_delete(ON)", "journal_size_limit(4194304)")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	read, err := open(path, "query_only(ON)")
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	read.SetMaxOpenConns(4)
	db := &DB{Read: read, pool: pool}
	if err := db.start(ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", filepath.Base(path), err), read.Close(), pool.Close())
	}
	return db, nil
}

// synchronous is how far a commit waits for the disk. Only the power-cut harness
// links another value (-ldflags -X), to show that it notices what FULL prevents:
// no configuration and no caller can.
var synchronous = "FULL"

func open(path string, pragmas ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	q := url.Values{"_txlock": {"immediate"}}
	for _, p := range append([]string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(" + synchronous + ")", "foreign_keys(ON)"}, pragmas...) {
		q.Add("_pragma", p)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

func (db *DB) start(ctx context.Context, s Schema) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	if err := migrate(ctx, conn, s); err != nil {
		return errors.Join(err, conn.Close())
	}
	db.writer = startWriter(conn)
	return nil
}

// migrate runs under the write lock, so that two processes that open a new
// file at once do not both make its tables.
func migrate(ctx context.Context, conn *sql.Conn, s Schema) error {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := applyMigrations(ctx, conn, s); err != nil {
		_, undo := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, ignoreNoTransaction(undo))
	}
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
}

func applyMigrations(ctx context.Context, conn *sql.Conn, s Schema) error {
	var app int32
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if app != s.ApplicationID && (app != 0 || version != 0) {
		return fmt.Errorf("application_id %#x, want %#x: not our file", app, s.ApplicationID)
	}
	names, err := fs.Glob(s.Migrations, "*.sql")
	if err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("version %d is newer than this software's %d", version, len(names))
	}
	for i, name := range names[version:] {
		text, err := fs.ReadFile(s.Migrations, name)
		if err != nil {
			return err
		}
		mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", s.ApplicationID, version+i+1)
		if _, err := conn.ExecContext(ctx, string(text)+mark); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}

// Write runs f inside a transaction shared with other callers and returns when
// it is committed and synced. An error of f undoes f alone.
func (db *DB) Write(f func(tx Tx) error) error { return db.writer.do(f) }

// Close waits for writes under way and closes the file.
func (db *DB) Close() error {
	return errors.Join(db.writer.close(), db.Read.Close(), db.pool.Close())
}
