package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"modernc.org/sqlite"
)

// ErrFull says that the disk is full; nothing was written, and writing goes on
// once there is space.
var ErrFull = errors.New("disk is full")

// ErrStopped says that a commit failed for another reason than space: what is
// on the disk is unknown until the file is opened again, so nothing more is
// acknowledged.
var ErrStopped = errors.New("store stopped after a failed commit")

// ErrClosed says that the store is closed.
var ErrClosed = errors.New("store is closed")

// maxGroup bounds the writes that share one commit, and so the time that the
// first of them waits.
const maxGroup = 128

// Tx runs statements inside the shared transaction.
type Tx struct{ conn *sql.Conn }

// Exec runs one statement and returns the number of rows that it changed.
func (t Tx) Exec(query string, args ...any) (int64, error) {
	r, err := t.conn.ExecContext(context.Background(), query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Row runs a query of one row.
func (t Tx) Row(query string, args ...any) *sql.Row {
	return t.conn.QueryRowContext(context.Background(), query, args...)
}

type write struct {
	run  func(Tx) error
	done chan error
}

// writer owns the only connection that writes. SQLite has one writer anyway;
// queueing in front of it lets one fsync serve everybody who waits.
type writer struct {
	conn   *sql.Conn
	writes chan write
	joined chan struct{}
	failed error // owned by the goroutine

	mu     sync.RWMutex
	closed bool
}

func startWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, writes: make(chan write, maxGroup), joined: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) do(run func(Tx) error) error {
	done := make(chan error, 1)
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return ErrClosed
	}
	w.writes <- write{run, done}
	w.mu.RUnlock()
	return <-done
}

func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	close(w.writes)
	w.mu.Unlock()
	<-w.joined
	return w.conn.Close()
}

func (w *writer) loop() {
	defer close(w.joined)
	for first := range w.writes {
		group := []write{first}
	fill:
		for len(group) < maxGroup {
			select {
			case next, ok := <-w.writes:
				if !ok {
					break fill
				}
				group = append(group, next)
			default:
				break fill
			}
		}
		w.commit(group)
	}
}

// commit runs a group in one transaction and answers each write.
func (w *writer) commit(group []write) {
	results := make([]error, len(group))
	err := w.failed
	if err == nil {
		err = w.transact(group, results)
	}
	for i, g := range group {
		if err != nil {
			g.done <- err
		} else {
			g.done <- results[i]
		}
	}
}

func (w *writer) transact(group []write, results []error) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", classify(err)) // nothing happened yet: the next group may succeed
	}
	for i, g := range group {
		if err := w.exec("SAVEPOINT one"); err != nil {
			return w.undo(err)
		}
		if results[i] = g.run(Tx{w.conn}); results[i] != nil {
			results[i] = classify(results[i])
			// SQLite ends the whole transaction itself on some errors (full disk,
			// I/O): then this fails and the group fails with it.
			if err := w.exec("ROLLBACK TO one"); err != nil {
				return w.undo(errors.Join(results[i], err))
			}
		}
		if err := w.exec("RELEASE one"); err != nil {
			return w.undo(err)
		}
	}
	if err := w.exec("COMMIT"); err != nil {
		return w.undo(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// undo ends a transaction that failed as a whole. A full disk passes; after
// anything else the writer stops for good.
func (w *writer) undo(cause error) error {
	err := classify(errors.Join(cause, ignoreNoTransaction(w.exec("ROLLBACK"))))
	if !errors.Is(err, ErrFull) {
		err = fmt.Errorf("%w: %w", ErrStopped, err)
		w.failed = err
	}
	return err
}

func (w *writer) exec(statement string) error {
	_, err := w.conn.ExecContext(context.Background(), statement)
	return err
}

func ignoreNoTransaction(err error) error {
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

const sqliteFull = 13 // SQLITE_FULL

// classify adds ErrFull where the cause is a lack of space.
func classify(err error) error {
	if errors.Is(err, ErrFull) {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqliteFull || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
