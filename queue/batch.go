package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// batch is what one commit makes durable: all of its requests, or none. Twins are
// further calls with the id of one of them; they get its answer.
type batch struct {
	end     chain   // after its last request
	counter *uint64 // what its bodies say of the hardware counter; nil without one
	fresh   []*enqueueJob
	byID    map[string]*enqueueJob
	twins   [][2]*enqueueJob
	files   *store.Files // of large payloads; the folder is kept from the sweeper while it is set

	landed chan struct{} // closed when it was written, or could not be
	err    error         // and took: valid from then on
	took   time.Duration
}

// begin starts a batch on top of the one that is being written.
func (e *enqueuer) begin() *batch {
	b := &batch{end: e.end, byID: map[string]*enqueueJob{}, landed: make(chan struct{})}
	if e.flight == nil {
		b.counter = e.q.counter.next()
		return b
	}
	b.end = e.flight.end
	if c := e.flight.counter; c != nil {
		next := *c + 1 // if the hardware counts: else see land
		b.counter = &next
	}
	return b
}

func (b *batch) landing() <-chan struct{} {
	if b == nil {
		return nil
	}
	return b.landed
}

func (b *batch) answerTwins() {
	for _, t := range b.twins {
		t[0].answer(t[1].queued, t[1].err)
	}
}

// add seals job at the end of b, unless its id is known.
func (e *enqueuer) add(b *batch, job *enqueueJob) {
	for _, other := range []*batch{e.flight, b} {
		if other == nil {
			continue
		}
		if first, ok := other.byID[job.request.ID]; ok {
			job.prepared.Release()
			other.twins = append(other.twins, [2]*enqueueJob{job, first})
			return
		}
	}
	// Its caller did not find it; only what was written since can be it.
	if job.commits != e.commits.Load() && !e.beyond(job.request.ID) {
		if queued, found, err := e.q.Find(context.Background(), job.request.ID); err != nil || found {
			job.prepared.Release()
			job.answer(queued, err)
			return
		}
	}
	if err := e.seal(b, job); err != nil {
		job.answer(station.Queued{}, err)
	}
}

func (e *enqueuer) seal(b *batch, job *enqueueJob) error {
	o, seq := e.q.o, b.end.seq+1
	clocks, err := e.clocks(b.counter)
	if err != nil {
		return fail("enqueue", err)
	}
	job.sealed, err = job.prepared.Seal(o.Signers, request.Body{
		Version: request.BodyVersion, DeskID: o.DeskID, Seq: seq, Previous: b.end.previous, Software: o.Software, Clocks: clocks,
	})
	if err != nil {
		return eid.Fail(eid.CodeSeal, "enqueue", err)
	}
	job.hash = request.Hash(job.sealed)
	job.queued = station.Queued{Seq: seq, SealedBytes: len(job.sealed), QueuedAt: clocks.Wall.Truncate(time.Millisecond)}
	if placeOf(job.request.ID, job.sealed) != inRow {
		if b.files == nil {
			e.q.intakeFiles.RLock()
			b.files = store.NewFiles(e.q.payload)
		}
		b.files.Add(job.request.ID, job.sealed) // written while the next one is sealed
	}
	b.end = chain{seq, job.hash}
	b.fresh, b.byID[job.request.ID] = append(b.fresh, job), job
	return nil
}

// reseal makes b again on top of what is on the disk now: the hardware counter
// did not count, and no body may say that it did.
func (e *enqueuer) reseal(b *batch) {
	again := e.begin()
	e.drop(b, nil)
	for _, job := range b.fresh {
		job.prepared.Release()
		err := e.prepare(job)
		if err == nil {
			err = e.seal(again, job)
		}
		if err != nil {
			job.answer(station.Queued{}, err)
		}
	}
	for _, t := range b.twins {
		if again.byID[t[1].request.ID] == t[1] {
			again.twins = append(again.twins, t)
		} else {
			t[0].answer(t[1].queued, t[1].err)
		}
	}
	*b = *again
}

// clocks is all that the desk knows of the time, for the signed body.
func (e *enqueuer) clocks(counter *uint64) (request.Clocks, error) {
	if now := e.q.trusts.Load(); e.trustedOf != now {
		trusted, err := e.q.Trusted(context.Background())
		if err != nil {
			return request.Clocks{}, err
		}
		e.trusted, e.trustedOf = trusted, now
	}
	boot, elapsed := e.q.clock.SinceBoot()
	c := request.Clocks{Wall: e.q.clock.Now().UTC(), BootID: boot, Monotonic: elapsed.Nanoseconds(), Counter: counter}
	if trusted := e.trusted; !trusted.IsZero() {
		c.Trusted = &trusted
	}
	return c, nil
}

// commit makes b durable and answers its callers: commit, increment of the
// hardware counter, answer.
func (e *enqueuer) commit(b *batch) {
	if b.err = e.write(b); b.err != nil {
		e.fail(b, b.err)
		return
	}
	if b.files != nil {
		b.files = nil
		e.q.intakeFiles.RUnlock()
	}
	newest := *e.newest.Load() // one commit at a time
	for _, job := range b.fresh {
		newest = max(newest, job.request.ID)
	}
	e.newest.Store(&newest)
	e.commits.Add(1)
	e.q.counter.committed(context.Background())
	for _, job := range b.fresh {
		e.q.journal.forget(job.request.ID)
		job.prepared.Release()
		job.answer(job.queued, nil)
	}
	e.q.tidier.soon()
	e.q.watch.tell()
}

// fail ends a batch that is not on the disk.
func (e *enqueuer) fail(b *batch, err error) {
	e.drop(b, err)
	for _, job := range b.fresh {
		job.prepared.Release()
		job.answer(station.Queued{}, fail("enqueue", err))
	}
}

// drop takes away files that no row will name: unless the disk has failed they go
// now, else with the next sweep.
func (e *enqueuer) drop(b *batch, cause error) {
	if b.files == nil {
		return
	}
	if errors.Is(cause, store.ErrStopped) {
		b.files.Abandon()
	} else if err := b.files.Remove(); err != nil {
		e.q.o.Log.Warn("stale payload file not removed", "error", err)
	}
	b.files = nil
	e.q.intakeFiles.RUnlock()
}

// write makes rows and files durable: the rows are committed when the files that
// they name are on the disk, and both are under way at the same time until then.
// Without space left the reserve is given up and both are tried once more.
func (e *enqueuer) write(b *batch) error {
	return e.q.write(func(tx store.Tx) error {
		if b.files == nil {
			return e.writeRows(tx, b.fresh)
		}
		files := make(chan error, 1)
		go func() { files <- b.files.Sync() }()
		err := e.writeRows(tx, b.fresh)
		return errors.Join(<-files, err)
	})
}

func (e *enqueuer) writeRows(tx store.Tx, jobs []*enqueueJob) error {
	records, small := make([]*record, len(jobs)), [][]any{}
	for i, job := range jobs {
		records[i] = &record{
			Seq: job.queued.Seq, ID: job.request.ID, State: Sealed, BodyHash: job.hash, SealedBytes: int64(len(job.sealed)),
			Payload: placeOf(job.request.ID, job.sealed), QueuedAt: job.queued.QueuedAt.UnixMilli(), DueAt: string(job.request.DueAt),
		}
		if records[i].Payload == inRow {
			small = append(small, []any{job.queued.Seq, job.sealed})
		}
	}
	hashes, err := insertRecords(tx, records...)
	if err != nil {
		return err
	}
	if err := insertPayloads(tx, small...); err != nil {
		return err
	}
	notes := make([]note, len(jobs))
	for i, r := range records {
		notes[i] = note{string(Sealed), r.ID, hashes[i], fmt.Sprintf("seq=%d bytes=%d", r.Seq, r.SealedBytes)}
	}
	if err := e.q.audit.notes(tx, notes); err != nil {
		return err
	}
	if err := e.clearJournal(tx, jobs); err != nil {
		return err
	}
	return e.q.counter.expect(tx)
}

// clearJournal deletes the steps of the visits that these requests end.
func (e *enqueuer) clearJournal(tx store.Tx, jobs []*enqueueJob) error {
	var any bool // a desk has one visit open at most
	if err := tx.Row(`SELECT EXISTS (SELECT 1 FROM visit_journal)`).Scan(&any); err != nil || !any {
		return err
	}
	for _, job := range jobs {
		if err := deleteVisit(tx, job.request.ID); err != nil {
			return err
		}
	}
	return nil
}
