package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// maxGroup bounds the writes that share one commit, and so the time that the
// first of them waits.
const maxGroup = 128

type write struct {
	run  func(Tx) error // inside the group's transaction
	own  func() error   // or by itself, outside of any
	done chan error
}

// writer owns the only connection that writes. SQLite has one writer anyway;
// queueing in front of it lets one fsync serve everybody who waits.
type writer struct {
	conn   *sql.Conn
	known  *statements
	log    string // path of the write-ahead log
	writes chan write
	joined chan struct{}
	groups int // commits since the last checkpoint was tried; owned by the goroutine

	mu     sync.RWMutex
	closed bool
	failed error
}

func startWriter(conn *sql.Conn, log string) *writer {
	w := &writer{conn: conn, known: &statements{conn: conn}, log: log, writes: make(chan write, maxGroup), joined: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) do(run func(Tx) error) error { return w.hand(write{run: run}) }

func (w *writer) hand(job write) error {
	job.done = make(chan error, 1)
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return ErrClosed
	}
	w.writes <- job
	w.mu.RUnlock()
	return <-job.done
}

func (w *writer) stop(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = cause
		if !errors.Is(cause, ErrStopped) {
			w.failed = fmt.Errorf("%w: %w", ErrStopped, cause)
		}
	}
}

func (w *writer) failure() error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.failed
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
	return errors.Join(w.known.close(), w.conn.Close())
}

func (w *writer) loop() {
	defer close(w.joined)
	for first := range w.writes {
		for more := true; more; {
			var group []write
			group, first, more = w.fill(first)
			w.commit(group)
			w.checkpointWhenLong()
		}
	}
}

// fill gathers what waits behind first. A job that runs by itself ends the group
// and is handed back as next.
func (w *writer) fill(first write) (group []write, next write, more bool) {
	group = []write{first}
	for first.own == nil && len(group) < maxGroup {
		select {
		case job, ok := <-w.writes:
			if !ok {
				return group, write{}, false
			}
			if job.own != nil {
				return group, job, true
			}
			group = append(group, job)
		default:
			return group, write{}, false
		}
	}
	return group, write{}, false
}

// commit runs a group in one transaction and answers each write.
func (w *writer) commit(group []write) {
	results := make([]error, len(group))
	err := w.failure()
	switch {
	case err != nil:
	case group[0].own != nil:
		err = w.judge(group[0].own())
	default:
		err = w.transact(group, results)
		w.groups++
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
		return w.judge(fmt.Errorf("begin: %w", err)) // nothing happened yet: unless the disk failed, the next group may succeed
	}
	if len(group) == 1 {
		return w.single(group[0])
	}
	for i, g := range group {
		if err := w.exec("SAVEPOINT one"); err != nil {
			return w.undo(err)
		}
		if results[i] = g.run(Tx{w.conn, w.known}); results[i] != nil {
			results[i] = classify(results[i])
			if errors.Is(results[i], ErrStopped) {
				return w.undo(results[i])
			}
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

// single ends a transaction of one write: it needs no savepoint, for which SQLite
// keeps each page as it was.
func (w *writer) single(g write) error {
	if err := classify(g.run(Tx{w.conn, w.known})); err != nil {
		if errors.Is(err, ErrStopped) {
			return w.undo(err)
		}
		// What the caller refused, or a full disk, leaves nothing; the writer goes on.
		if undone := ignoreNoTransaction(w.exec("ROLLBACK")); undone != nil {
			return w.undo(errors.Join(err, undone))
		}
		return err
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
		w.stop(err)
		return w.failure()
	}
	return err
}

// judge stops the writer if err is a failure of the disk.
func (w *writer) judge(err error) error {
	err = classify(err)
	if errors.Is(err, ErrStopped) {
		w.stop(err)
	}
	return err
}

func (w *writer) exec(statement string) error {
	_, err := Tx{w.conn, w.known}.exec(statement)
	return err
}

func ignoreNoTransaction(err error) error {
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}
