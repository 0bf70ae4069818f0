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
	// Fill ends a migration, by its version, with what SQL cannot do; in the
	// same transaction.
	Fill map[int]func(Tx) error
}

// DB is one open database file.
type DB struct {
	// Read serves queries; it sees what is committed and cannot write.
	Read   *sql.DB
	pool   *sql.DB
	path   string
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
	// The writer runs every checkpoint itself: SQLite's own hides a failed fsync
	// and, when the next one succeeds, forgets the log that was never safe.
	// auto_vacuum must come before the file has its first page.
	pool, err := open(path, "secure_delete(ON)", "wal_autocheckpoint(0)")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	read, err := open(path, "query_only(ON)")
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	read.SetMaxOpenConns(4)
	db := &DB{Read: read, pool: pool, path: path}
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
	for _, p := range append([]string{"busy_timeout(5000)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(" + synchronous + ")", "foreign_keys(ON)"}, pragmas...) {
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
	// What was read from the log may be in memory only, if the last process
	// ended by a failed fsync: this writes and syncs it again.
	if _, err := checkpoint(ctx, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	db.writer = startWriter(conn, db.path+"-wal")
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

// marks are the file's application and version.
func marks(ctx context.Context, conn *sql.Conn) (app int32, version int, err error) {
	if err = conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err == nil {
		err = conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	}
	return app, version, err
}

func applyMigrations(ctx context.Context, conn *sql.Conn, s Schema) error {
	app, version, err := marks(ctx, conn)
	if err != nil {
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
		if fill := s.Fill[version+i+1]; fill != nil {
			if err := fill(Tx{conn, &statements{conn: conn, off: true}}); err != nil {
				return fmt.Errorf("migration %s: %w", name, err)
			}
		}
	}
	return nil
}

// Write runs f inside a transaction shared with other callers and returns when
// it is committed and synced. An error of f undoes f alone.
func (db *DB) Write(f func(tx Tx) error) error { return db.writer.do(f) }

// Tidy gives free pages back to the disk and writes the log into the database,
// so that nothing that was deleted stays in either. It waits for writes before
// it, and does what it can while others read.
func (db *DB) Tidy() error { return db.writer.tidy() }

// Compact rewrites the database without its free pages.
func (db *DB) Compact() error { return db.writer.compact() }

// Stop makes every later write fail with ErrStopped: for who found out another
// way that the disk cannot be trusted.
func (db *DB) Stop(cause error) { db.writer.stop(cause) }

// OpenReader opens an existing database for reading beside the process that
// writes it. It must have the schema's newest version.
func OpenReader(ctx context.Context, path string, s Schema) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db, err := open(path, "query_only(ON)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	conn, err := db.Conn(ctx)
	if err == nil {
		err = current(ctx, conn, s)
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", filepath.Base(path), err), db.Close())
	}
	return db, nil
}

func current(ctx context.Context, conn *sql.Conn, s Schema) error {
	app, version, err := marks(ctx, conn)
	if err != nil {
		return err
	}
	names, err := fs.Glob(s.Migrations, "*.sql")
	if err != nil {
		return err
	}
	if app != s.ApplicationID || version != len(names) {
		return fmt.Errorf("application_id %#x, version %d; want %#x, %d", app, version, s.ApplicationID, len(names))
	}
	return nil
}

// Close waits for writes under way and closes the file.
func (db *DB) Close() error {
	return errors.Join(db.writer.close(), db.Read.Close(), db.pool.Close())
}
