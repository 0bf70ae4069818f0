package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// maxBatch bounds the requests of one commit; with the wire's limit it bounds the
// memory of what is sealed, twice: one batch is written while the next is sealed.
const maxBatch = 8

// gatherMost bounds how long a batch waits for company: as long as the commit
// before took, and not longer than this.
const gatherMost = 20 * time.Millisecond

// enqueuer numbers, chains and seals requests, one goroutine for all: the
// numbers are gap-free and each body names the hash before it, so the order of
// sealing is the order of the chain. What needs no place in the chain was done
// before by each caller. While one batch is written, the next is sealed on top of
// it; when a write fails, what was sealed on top fails with it.
type enqueuer struct {
	q      *Queue
	jobs   chan *enqueueJob
	joined chan struct{}

	sealer request.Sealer

	commits atomic.Int64           // so far; a commit counts before its callers are answered
	newest  atomic.Pointer[string] // the greatest id on the disk

	// Owned by the goroutine.
	end       chain // of what is on the disk
	trusted   time.Time
	trustedOf int64  // Queue.trusts when trusted was read
	flight    *batch // being written by a goroutine of its own; nil for none
	last      time.Duration
	company   int // producers at work: those of the batch before and those that it made wait

	mu     sync.RWMutex
	closed bool
}

// chain is what the next request follows.
type chain struct {
	seq      int64
	previous []byte
}

type enqueueJob struct {
	request  station.Request
	prepared *request.Prepared
	commits  int64 // seen before the caller looked for the id
	queued   station.Queued
	sealed   []byte
	hash     []byte
	err      error
	done     chan struct{}
}

func startEnqueuer(ctx context.Context, q *Queue) (*enqueuer, error) {
	e := &enqueuer{
		q: q, jobs: make(chan *enqueueJob, maxBatch), joined: make(chan struct{}),
		end: chain{previous: make([]byte, request.HashSize)}, trustedOf: -1,
	}
	last, _, err := scanRecord(q.db.QueryRowContext(ctx, `SELECT `+recordColumns+` FROM request ORDER BY seq DESC LIMIT 1`).Scan)
	switch {
	case err == nil:
		e.end = chain{last.Seq, last.BodyHash}
	case !errors.Is(err, sql.ErrNoRows): // a damaged end of the chain cannot be built on
		return nil, fmt.Errorf("find end of chain: %w", err)
	}
	var newest string
	err = q.db.QueryRowContext(ctx, `SELECT coalesce(max(id), '') FROM request`).Scan(text{&newest})
	if errors.Is(err, errDamaged) {
		newest, err = "~", nil // ask each time
	}
	if err != nil {
		return nil, fmt.Errorf("find newest request: %w", err)
	}
	e.newest.Store(&newest)
	go e.loop()
	return e, nil
}

// beyond says that id is greater than every one on the disk, as the id of a visit
// is that began after the last one ended (RFC 9562 §5.7): such a request was never
// here, and no question to the database has to tell so.
func (e *enqueuer) beyond(id string) bool { return id > *e.newest.Load() }

// Enqueue signs and seals r and makes it durable; in the same transaction the
// visit's journal is cleared. A second call with the same id answers as the
// first did. It waits for the disk even when ctx ends, since an answer that
// says neither "queued" nor "not queued" would be worse than a late one.
func (q *Queue) Enqueue(ctx context.Context, r station.Request) (station.Queued, error) {
	if err := ctx.Err(); err != nil {
		return station.Queued{}, err
	}
	if err := request.CheckID(r.ID); err != nil {
		return station.Queued{}, eid.Fail(eid.CodeInput, "enqueue", err)
	}
	return q.intake.do(ctx, r)
}

// do prepares r beside the other callers and waits for its commit.
func (e *enqueuer) do(ctx context.Context, r station.Request) (station.Queued, error) {
	select {
	case <-e.q.stopped:
		return station.Queued{}, fail("enqueue", store.ErrStopped)
	default:
	}
	job := &enqueueJob{request: r, commits: e.commits.Load(), done: make(chan struct{})}
	if !e.beyond(r.ID) {
		if queued, found, err := e.q.Find(ctx, r.ID); err != nil || found {
			return queued, err
		}
	}
	if err := e.prepare(job); err != nil {
		return station.Queued{}, err
	}
	e.mu.RLock()
	if e.closed {
		e.mu.RUnlock()
		return station.Queued{}, fail("enqueue", store.ErrClosed)
	}
	e.jobs <- job
	e.mu.RUnlock()
	<-job.done
	return job.queued, job.err
}

func (e *enqueuer) prepare(job *enqueueJob) (err error) {
	recipients, err := e.q.recipients()
	if err != nil {
		return fail("enqueue", err)
	}
	if job.prepared, err = e.sealer.Prepare(recipients, job.request); err != nil {
		return eid.Fail(eid.CodeSeal, "enqueue", err)
	}
	return nil
}

func (j *enqueueJob) answer(queued station.Queued, err error) {
	j.queued, j.err = queued, err
	close(j.done)
}

func (e *enqueuer) close() {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.jobs)
	}
	e.mu.Unlock()
	<-e.joined
}

func (e *enqueuer) loop() {
	defer close(e.joined)
	for open := true; open; {
		var b *batch
		b, open = e.gather()
		if e.land(b) && len(b.fresh) > 0 {
			e.launch(b)
		}
	}
	e.land(nil)
}

// gather seals what comes until it should be written. While a batch is being
// written there is time; after it, while fewer are there than were at work a
// moment ago, it waits a little for the others: they were answered just now, and
// without them two half batches take turns at the disk.
func (e *enqueuer) gather() (b *batch, open bool) {
	b = e.begin()
	var late <-chan time.Time
	for len(b.fresh) < maxBatch {
		if e.flight == nil && len(b.fresh) > 0 && len(e.jobs) == 0 {
			if len(b.fresh) >= e.company {
				break
			}
			if late == nil {
				late = time.After(min(e.last, gatherMost))
			}
		}
		if e.stock() {
			continue
		}
		select {
		case job, ok := <-e.jobs:
			if !ok {
				return b, false
			}
			e.add(b, job)
		case <-e.flight.landing():
			if !e.land(b) {
				b = e.begin()
			}
		case <-late:
			return b, true
		}
	}
	return b, true
}

// stock makes an envelope for a request to come, if there is nothing else to do
// until the batch is written that is on its way to the disk.
func (e *enqueuer) stock() (made bool) {
	if e.flight == nil || len(e.jobs) > 0 {
		return false
	}
	select {
	case <-e.flight.landed:
		return false
	default:
	}
	made, err := e.sealer.Stock(e.q.recipients, len(e.flight.fresh))
	return made && err == nil // an error is told to who prepares a request
}

// launch writes b beside this goroutine.
func (e *enqueuer) launch(b *batch) {
	e.flight = b
	go func() {
		defer close(b.landed)
		begun := time.Now()
		e.commit(b)
		b.took = time.Since(begun)
	}()
}

// land waits for the batch that is being written, if there is one. When that
// could not be written, or left the hardware counter elsewhere than b says, b
// does not stand: it fails with it, or is sealed again.
func (e *enqueuer) land(b *batch) bool {
	f := e.flight
	if f == nil {
		return true
	}
	<-f.landed
	e.flight, e.last, e.company = nil, f.took, len(f.fresh)+len(e.jobs)
	if f.err == nil {
		e.end = f.end
	}
	f.answerTwins()
	if b == nil {
		return true
	}
	e.company += len(b.fresh)
	if f.err != nil {
		e.fail(b, f.err)
		b.answerTwins()
		return false
	}
	if next := e.q.counter.next(); next != nil && *next != *b.counter {
		e.reseal(b)
	}
	return true
}
