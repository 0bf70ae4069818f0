package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// maxBatch bounds the requests sealed for one commit; with the wire's limit it
// bounds the memory, too.
const maxBatch = 8

// gatherShare is the part of a commit's time that a batch waits for company.
const gatherShare = 4

// enqueuer numbers, chains and seals requests, one goroutine for all: the
// numbers are gap-free and each body names the hash before it, so the order of
// sealing is the order of the chain. Files of one batch are written at the same
// time and their rows in one transaction.
type enqueuer struct {
	q      *Queue
	jobs   chan *enqueueJob
	joined chan struct{}

	// End of the chain, owned by the goroutine.
	seq      int64
	previous []byte

	mu     sync.RWMutex
	closed bool
}

type enqueueJob struct {
	request station.Request
	queued  station.Queued
	sealed  []byte
	hash    []byte
	err     error
	done    chan struct{}
}

func startEnqueuer(ctx context.Context, q *Queue) (*enqueuer, error) {
	e := &enqueuer{q: q, jobs: make(chan *enqueueJob, maxBatch), joined: make(chan struct{}), previous: make([]byte, request.HashSize)}
	last, _, err := scanRecord(q.db.QueryRowContext(ctx, `SELECT `+recordColumns+` FROM request ORDER BY seq DESC LIMIT 1`).Scan)
	switch {
	case err == nil:
		e.seq, e.previous = last.Seq, last.BodyHash
	case !errors.Is(err, sql.ErrNoRows): // a damaged end of the chain cannot be built on
		return nil, fmt.Errorf("find end of chain: %w", err)
	}
	go e.loop()
	return e, nil
}

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
	return q.intake.do(r)
}

func (e *enqueuer) do(r station.Request) (station.Queued, error) {
	job := &enqueueJob{request: r, done: make(chan struct{})}
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
	var last time.Duration // of the commit before
	company := 1           // producers at work: those of the batch before and those that it made wait
	for first := range e.jobs {
		batch := e.gather(first, company, last/gatherShare)
		begun := time.Now()
		e.commit(batch)
		last, company = time.Since(begun), min(len(batch)+len(e.jobs), maxBatch)
		for _, job := range batch {
			close(job.done)
		}
	}
}

// gather takes what waits behind first. While fewer are there than were at work a
// moment ago it waits a little for the others: they were answered just now, and
// without them two half batches take turns at the disk.
func (e *enqueuer) gather(first *enqueueJob, company int, patience time.Duration) []*enqueueJob {
	batch := []*enqueueJob{first}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for len(batch) < maxBatch {
		var late <-chan time.Time
		if len(batch) < company {
			late = timer.C
		} else if len(e.jobs) == 0 {
			break
		}
		select {
		case next, ok := <-e.jobs:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		case <-late:
			company = 0
		}
	}
	return batch
}

// commit makes a batch durable: all of the jobs that could be sealed, or none.
func (e *enqueuer) commit(batch []*enqueueJob) {
	var fresh []*enqueueJob
	seq, previous := e.seq, e.previous
	byID := map[string]*enqueueJob{}
	var twins [][2]*enqueueJob // the same id twice in one batch
	for _, job := range batch {
		if first, ok := byID[job.request.ID]; ok {
			twins = append(twins, [2]*enqueueJob{job, first})
			continue
		}
		byID[job.request.ID] = job
		var found bool
		if job.queued, found, job.err = e.q.Find(context.Background(), job.request.ID); job.err != nil || found {
			continue
		}
		if job.err = e.seal(job, seq+1, previous); job.err != nil {
			continue
		}
		seq, previous = seq+1, job.hash
		fresh = append(fresh, job)
	}
	if len(fresh) > 0 {
		if err := e.write(fresh); err != nil {
			for _, job := range fresh {
				job.queued, job.err = station.Queued{}, fail("enqueue", err)
			}
		} else {
			e.q.counter.committed(context.Background())
			e.seq, e.previous = seq, previous
			for _, job := range fresh {
				e.q.journal.forget(job.request.ID)
			}
			e.q.tidier.soon()
			e.q.watch.tell()
		}
	}
	for _, t := range twins {
		t[0].queued, t[0].err = t[1].queued, t[1].err
	}
}

func (e *enqueuer) seal(job *enqueueJob, seq int64, previous []byte) error {
	o := e.q.o
	clocks, err := e.clocks()
	if err != nil {
		return fail("enqueue", err)
	}
	recipients, err := e.q.recipients()
	if err != nil {
		return fail("enqueue", err)
	}
	sealed, err := request.Seal(recipients, o.Signers, request.Body{
		Version: request.BodyVersion, DeskID: o.DeskID, Seq: seq, Previous: previous,
		Software: o.Software, Clocks: clocks, Request: job.request,
	})
	if err != nil {
		return eid.Fail(eid.CodeSeal, "enqueue", err)
	}
	job.sealed, job.hash = sealed, request.Hash(sealed)
	job.queued = station.Queued{Seq: seq, SealedBytes: len(sealed), QueuedAt: clocks.Wall.Truncate(time.Millisecond)}
	return nil
}

// clocks is all that the desk knows of the time, for the signed body.
func (e *enqueuer) clocks() (request.Clocks, error) {
	boot, elapsed := e.q.clock.SinceBoot()
	c := request.Clocks{Wall: e.q.clock.Now().UTC(), BootID: boot, Monotonic: elapsed.Nanoseconds(), Counter: e.q.counter.next()}
	trusted, err := e.q.Trusted(context.Background())
	if err != nil {
		return request.Clocks{}, err
	}
	if !trusted.IsZero() {
		c.Trusted = &trusted
	}
	return c, nil
}

// write puts the files on the disk, then the rows that name them. Without space
// left the reserve is given up and both are tried once more.
func (e *enqueuer) write(jobs []*enqueueJob) error {
	e.q.intakeFiles.Lock()
	defer e.q.intakeFiles.Unlock()
	err := e.writeFiles(jobs)
	if errors.Is(err, store.ErrFull) && e.q.reserve.giveUp() {
		err = e.writeFiles(jobs)
	}
	if err == nil {
		err = e.q.write(func(tx store.Tx) error { return e.writeRows(tx, jobs) })
	}
	if err == nil {
		return nil
	}
	// Files without rows: unless the disk has failed they go now, else with the next sweep.
	if !errors.Is(err, store.ErrStopped) {
		for _, job := range jobs {
			if gone := os.Remove(filepath.Join(e.q.payload, job.request.ID)); gone != nil && !errors.Is(gone, os.ErrNotExist) {
				e.q.o.Log.Warn("stale payload file not removed", "error", gone)
			}
		}
	}
	return e.q.stop(err)
}

// writeFiles needs no temporary names: a payload is read through its row only,
// and the sweeper removes what a crash leaves without one.
func (e *enqueuer) writeFiles(jobs []*enqueueJob) error {
	var files []store.File
	for _, job := range jobs {
		if name := placeOf(job.request.ID, job.sealed); name != inRow {
			files = append(files, store.File{Name: name, Data: job.sealed})
		}
	}
	if len(files) == 0 {
		return nil
	}
	return store.CreateFiles(e.q.payload, files)
}

func (e *enqueuer) writeRows(tx store.Tx, jobs []*enqueueJob) error {
	for _, job := range jobs {
		row := record{
			Seq: job.queued.Seq, ID: job.request.ID, State: Sealed, BodyHash: job.hash, SealedBytes: int64(len(job.sealed)),
			Payload: placeOf(job.request.ID, job.sealed), QueuedAt: job.queued.QueuedAt.UnixMilli(), DueAt: string(job.request.DueAt),
		}
		hash, err := row.insert(tx)
		if err != nil {
			return fmt.Errorf("insert request: %w", err)
		}
		if row.Payload == inRow {
			if err := insertPayload(tx, row.Seq, job.sealed); err != nil {
				return err
			}
		}
		if err := e.q.audit.note(tx, string(Sealed), row.ID, hash, fmt.Sprintf("seq=%d bytes=%d", row.Seq, row.SealedBytes)); err != nil {
			return err
		}
		if err := deleteVisit(tx, row.ID); err != nil {
			return err
		}
	}
	return e.q.counter.expect(tx)
}
