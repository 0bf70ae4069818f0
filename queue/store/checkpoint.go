package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

const (
	// longLog is the length of the write-ahead log that is written back; a reader
	// may keep it longer for a while.
	longLog = 4 << 20
	// patience is how many commits pass before a checkpoint that readers have
	// stopped is tried again.
	patience = 32
	// vacuumPages bounds the free pages given back at once, and so how long the
	// next write waits.
	vacuumPages = 256
)

// checkpoint writes the log into the database, syncs it and cuts the log to
// nothing. done is false where a reader still needs the log.
func checkpoint(ctx context.Context, conn *sql.Conn) (done bool, err error) {
	// Readers must not make the writer wait.
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return false, fmt.Errorf("checkpoint: %w", err)
	}
	var busy, frames, written int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &written)
	_, back := conn.ExecContext(ctx, "PRAGMA busy_timeout = 5000")
	if err = errors.Join(err, back); err != nil {
		return false, fmt.Errorf("checkpoint: %w", err)
	}
	return busy == 0, nil
}

// checkpointWhenLong runs between commits. Its failure is the disk's: the log
// holds everything still, and whoever opens the file next writes it back.
func (w *writer) checkpointWhenLong() {
	if w.groups < patience || w.failure() != nil {
		return
	}
	info, err := os.Stat(w.log)
	if err != nil || info.Size() < longLog {
		return
	}
	w.groups = 0
	_, err = checkpoint(context.Background(), w.conn)
	_ = w.judge(err) // the next write tells
}

func (w *writer) tidy() error {
	return w.hand(write{own: func() error {
		ctx := context.Background()
		// The pragma gives one page back a row: it must be read to its end.
		rows, err := w.conn.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages))
		if err != nil {
			return fmt.Errorf("give back pages: %w", err)
		}
		for rows.Next() {
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("give back pages: %w", err)
		}
		_, err = checkpoint(ctx, w.conn)
		return err
	}})
}

func (w *writer) compact() error {
	return w.hand(write{own: func() error {
		if err := w.exec("VACUUM"); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
		_, err := checkpoint(context.Background(), w.conn)
		return err
	}})
}
