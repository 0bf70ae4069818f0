// Package queue is the desk's durable queue of finished requests and the
// journal of the open visit, in one folder:
//
//	queue.db          rows: numbers, states, hashes, times, receipts; nothing about a person
//	                  and sealed bytes of up to 8 KiB
//	payload/ID        larger sealed bytes; both are deleted on a verified receipt
//	reserve           room on the disk that is given up when there is no other
//	lock              one process at a time
//
// [Queue.Enqueue] seals in memory before anything touches the disk and returns
// when payload and row are durable and the visit's journal is gone. A request
// leaves the desk's disk only by [Queue.Received] with a receipt for its bytes.
//
// Every row carries the hash of its content, and every change is an entry of a
// Merkle log in the change's own transaction: [Reader.Verify] finds what another
// hand altered, [Reader.Log] is what the central keeps to find what was cut off,
// and a hardware counter (Options.Counter) finds an old copy put back.
//
// After an error of the disk the queue stops: it answers E-QUEUE-STOPPED and
// [Queue.Stopped] is closed, since what is on the disk is not known before the
// folder is opened again.
package queue

import (
	"context"
	"crypto/hpke"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

const (
	applicationID  = 0x656e7271 // "enrq"
	databaseName   = "queue.db"
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
	// SealKeys, where it is set, takes the place of Recipients: it is asked before
	// a person sits down and at each seal, so that new keys count at once and
	// nothing is sealed to a list that is over (E-SEAL-KEYS).
	SealKeys func() ([]hpke.PublicKey, error)
	MinFree  uint64   // bytes of disk that Room wants; 0 means 512 MiB
	Reserve  int64    // bytes kept aside for what is under way; 0 means 32 MiB
	Counter  Counter  // hardware counter against rollback; nil for none
	DraftKey DraftKey // hardware key over open visits; nil: the kernel's keyring
	Clock    Clock    // nil: the machine's
	Log      *slog.Logger
}

// Queue is safe for concurrent use.
type Queue struct {
	*Reader
	o       Options
	store   *store.DB
	clock   Clock
	audit   *auditor
	lock    *os.File
	journal *Journal
	intake  *enqueuer
	counter *rollbackGuard
	reserve *reserve
	sweeper *sweeper
	tidier  *tidier
	watch   watchers

	intakeFiles sync.RWMutex // each batch reads from its first file's first byte to its rows' commit; the sweeper writes

	trusts atomic.Int64 // statements that may have told a newer trusted time

	stopping sync.Once
	stopped  chan struct{}
}

// Open opens or makes the queue in o.Dir and checks it against the hardware
// counter; what a crash left there is swept while the queue is used already.
// E-QUEUE-ROLLBACK: the database is
// older than the counter (see [AcceptRollback]).
func Open(ctx context.Context, o Options) (*Queue, error) {
	if err := request.CheckDesk(o.DeskID); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.Clock == nil {
		o.Clock = newMachineClock()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{o: o, clock: o.Clock, audit: &auditor{clock: o.Clock}, stopped: make(chan struct{})}
	if err := q.open(ctx); err != nil {
		return nil, errors.Join(fail("open queue", err), q.release())
	}
	return q, nil
}

func (q *Queue) open(ctx context.Context) (err error) {
	payload := filepath.Join(q.o.Dir, payloadFolder)
	if err := os.MkdirAll(payload, 0o700); err != nil {
		return err
	}
	if q.lock, err = store.Lock(q.o.Dir); err != nil {
		return err
	}
	q.reserve = newReserve(q.o.Dir, q.o.Reserve, q.o.Log)
	q.store, err = store.Open(ctx, filepath.Join(q.o.Dir, databaseName), schema(q.fillHashes))
	if err != nil {
		return err
	}
	if q.Reader, err = newReader(ctx, q.store.Read, payload, q.o.Log); err != nil {
		return err
	}
	if q.counter, err = openGuard(ctx, q); err != nil {
		return err
	}
	if q.journal, err = newJournal(ctx, q); err != nil {
		return err
	}
	q.tidier = startTidier(q)
	q.sweeper = startSweeper(q)
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
	if q.sweeper != nil {
		q.sweeper.close()
	}
	if q.tidier != nil {
		err = q.tidier.close()
	}
	if q.store != nil {
		err = errors.Join(err, q.store.Close())
	}
	if q.lock != nil {
		err = errors.Join(err, q.lock.Close())
	}
	return err
}

// Stopped is closed once the disk has failed: nothing more is acknowledged until
// the queue is opened again, by a new process best.
func (q *Queue) Stopped() <-chan struct{} { return q.stopped }

// stop gives err back after it has ended the queue, if it is a failure of the disk.
func (q *Queue) stop(err error) error {
	if errors.Is(err, store.ErrStopped) {
		q.stopping.Do(func() {
			q.store.Stop(err)
			close(q.stopped)
			q.o.Log.Error("queue stopped after an error of the disk", "error", err)
		})
	}
	return err
}

// write runs f in a transaction. Without space left on the disk the reserve is
// given up and f runs once more, so that what is under way can end.
func (q *Queue) write(f func(store.Tx) error) error {
	err := q.store.Write(f)
	if errors.Is(err, store.ErrFull) && q.reserve.giveUp() {
		err = q.store.Write(f)
	}
	return q.stop(err)
}

// recipients returns the keys to seal to now.
func (q *Queue) recipients() ([]hpke.PublicKey, error) {
	if q.o.SealKeys != nil {
		return q.o.SealKeys()
	}
	return q.o.Recipients, nil
}

// Room refuses with E-DISK-FULL when the disk has less than Options.MinFree
// left, so that nobody sits down for a visit that cannot be kept, with
// E-SEAL-KEYS when there is no key to seal it to, and with E-QUEUE-STOPPED after
// an error of the disk.
func (q *Queue) Room(ctx context.Context) error {
	const op = "check room"
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-q.stopped:
		return fail(op, store.ErrStopped)
	default:
	}
	if _, err := q.recipients(); err != nil {
		return fail(op, err)
	}
	free, err := store.Free(q.o.Dir)
	if err != nil {
		return eid.Fail(eid.CodeQueue, op, err)
	}
	if free < q.o.MinFree {
		return eid.Fail(eid.CodeDiskFull, op, fmt.Errorf("%d bytes free, want %d", free, q.o.MinFree))
	}
	if err := q.reserve.fill(); err != nil {
		return fail(op, err)
	}
	return nil
}

// fail gives a storage error its code.
func fail(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case store.Full(err):
		return eid.Fail(eid.CodeDiskFull, op, err)
	case errors.Is(err, store.ErrStopped):
		return eid.Fail(eid.CodeQueueStopped, op, err)
	case errors.Is(err, sql.ErrNoRows):
		return eid.Fail(eid.CodeInput, op, errors.New("no such request"))
	case errors.Is(err, errDamaged):
		return eid.Fail(eid.CodeQueueDamaged, op, err)
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
