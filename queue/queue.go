// Package queue is the desk's durable queue of finished requests and the
// journal of the open visit, in one folder:
//
//	queue.db          rows: numbers, states, hashes, times, receipts; nothing about a person
//	payload/ID        sealed bytes, deleted on a verified receipt
//	lock              one process at a time
//
// [Queue.Enqueue] seals in memory before anything touches the disk and returns
// when payload and row are durable and the visit's journal is gone. A request
// leaves the desk's disk only by [Queue.Received] with a receipt for its bytes.
package queue

import (
	"context"
	"crypto/hpke"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

const (
	applicationID  = 0x656e7271 // "enrq"
	payloadFolder  = "payload"
	defaultMinFree = 512 << 20
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of a queue. Dir, DeskID, Signers.Device and Recipients are required.
type Options struct {
	Dir        string           // made with mode 0700 when missing
	DeskID     string           // bound by every signature and seal
	Software   string           // version written into each request
	Signers    request.Signers  // device and officer
	Recipients []hpke.PublicKey // the central's keys, overlapping
	MinFree    uint64           // bytes of disk that Room wants; 0 means 512 MiB
	Log        *slog.Logger
}

// Queue is safe for concurrent use.
type Queue struct {
	o       Options
	db      *store.DB
	payload string // folder
	lock    *os.File
	journal *Journal
	intake  *enqueuer
	watch   watchers
}

// Open opens or makes the queue in o.Dir and sweeps what a crash left there.
func Open(ctx context.Context, o Options) (*Queue, error) {
	if err := request.CheckDesk(o.DeskID); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{o: o, payload: filepath.Join(o.Dir, payloadFolder)}
	if err := q.open(ctx); err != nil {
		return nil, errors.Join(eid.Fail(eid.CodeQueue, "open queue", err), q.release())
	}
	return q, nil
}

func (q *Queue) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(q.payload, 0o700); err != nil {
		return err
	}
	if q.lock, err = store.Lock(q.o.Dir); err != nil {
		return err
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	q.db, err = store.Open(ctx, filepath.Join(q.o.Dir, "queue.db"), store.Schema{ApplicationID: applicationID, Migrations: sub})
	if err != nil {
		return err
	}
	if err := q.sweep(ctx); err != nil {
		return err
	}
	if q.journal, err = newJournal(ctx, q.o.Dir, q.db, q.o.Log); err != nil {
		return err
	}
	q.intake, err = startEnqueuer(ctx, q)
	return err
}

// Journal is the open visit's journal, kept beside the queue.
func (q *Queue) Journal() *Journal { return q.journal }

// Close waits for writes under way.
func (q *Queue) Close() error {
	q.intake.close()
	return q.release()
}

func (q *Queue) release() error {
	var err error
	if q.db != nil {
		err = q.db.Close()
	}
	if q.lock != nil {
		err = errors.Join(err, q.lock.Close())
	}
	return err
}

// sweep removes payload files that no waiting row names: a crash before the
// row's commit or after a receipt's.
func (q *Queue) sweep(ctx context.Context) error {
	wanted := map[string]int64{} // file name: sequence number
	rows, err := q.db.Read.QueryContext(ctx, `SELECT payload, seq FROM request WHERE payload <> ''`)
	if err != nil {
		return fmt.Errorf("sweep queue: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var seq int64
		if err := rows.Scan(&name, &seq); err != nil {
			return fmt.Errorf("sweep queue: %w", err)
		}
		wanted[name] = seq
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sweep queue: %w", err)
	}
	missing := len(wanted)
	removed, err := store.Sweep(q.payload, func(name string) bool {
		_, ok := wanted[name]
		if ok {
			missing--
		}
		return ok
	})
	if err != nil {
		return fmt.Errorf("sweep queue: %w", err)
	}
	if removed > 0 {
		q.o.Log.Info("stale payload files removed", "count", removed)
	}
	if missing > 0 {
		// The rows stay: the officer sees them, and the payload's absence is
		// reported again when it should be sent.
		q.o.Log.Error("payload files missing", "count", missing)
	}
	return nil
}

// Room refuses with E-DISK-FULL when the disk has less than Options.MinFree
// left, so that nobody sits down for a visit that cannot be kept.
func (q *Queue) Room(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	free, err := store.Free(q.o.Dir)
	if err != nil {
		return eid.Fail(eid.CodeQueue, "check room", err)
	}
	if free < q.o.MinFree {
		return eid.Fail(eid.CodeDiskFull, "check room", fmt.Errorf("%d bytes free, want %d", free, q.o.MinFree))
	}
	return nil
}

// fail gives a storage error its code.
func fail(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrFull):
		return eid.Fail(eid.CodeDiskFull, op, err)
	case errors.Is(err, sql.ErrNoRows):
		return eid.Fail(eid.CodeInput, op, errors.New("no such request"))
	}
	if _, ok := errors.AsType[*eid.Error](err); ok {
		return fmt.Errorf("%s: %w", op, err)
	}
	return eid.Fail(eid.CodeQueue, op, err)
}

// watchers are told that rows changed. A watcher that does not read misses
// nothing: its channel holds one token until it looks.
type watchers struct {
	mu  sync.Mutex
	set map[chan struct{}]struct{}
}

// Changes returns a channel that gets a token after rows changed, and a
// function that ends the subscription.
func (q *Queue) Changes() (<-chan struct{}, func()) {
	w := &q.watch
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.set == nil {
		w.set = map[chan struct{}]struct{}{}
	}
	w.set[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.set, c)
	}
}

func (w *watchers) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.set {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
