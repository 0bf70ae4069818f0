package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

// Counter is a hardware counter that only counts up: an NV index of a TPM
// (TPM 2.0 part 1 §37.2.4).
type Counter interface {
	Increment(ctx context.Context) (uint64, error) // returns the new value
	Read(ctx context.Context) (uint64, error)
}

// deskRow is what the desk remembers as a whole.
type deskRow struct {
	_         struct{} `cbor:",toarray"`
	Counter   int64
	TrustedAt int64
}

func loadDesk(row *sql.Row) (deskRow, error) {
	var d deskRow
	var stored []byte
	err := row.Scan(integer{&d.Counter}, integer{&d.TrustedAt}, blob{&stored})
	if errors.Is(err, sql.ErrNoRows) {
		return deskRow{}, nil
	}
	if err != nil {
		return d, err
	}
	hash, err := hashRow("desk", d)
	if err == nil && string(hash) != string(stored) {
		err = fmt.Errorf("the desk's row %w", errDamaged)
	}
	return d, err
}

const deskQuery = `SELECT counter, trusted_at, row_hash FROM desk`

// alterDesk changes the desk's row inside a transaction.
func alterDesk(tx store.Tx, f func(*deskRow) (changed bool)) error {
	d, err := loadDesk(tx.Row(deskQuery))
	if err != nil || !f(&d) {
		return err
	}
	hash, err := hashRow("desk", d)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT OR REPLACE INTO desk (one, counter, trusted_at, row_hash) VALUES (1, ?, ?, ?)`, d.Counter, d.TrustedAt, hash)
	return err
}

// trust keeps the newest time that the central has signed.
func trust(tx store.Tx, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	return alterDesk(tx, func(d *deskRow) bool {
		newer := at.UnixMilli() > d.TrustedAt
		if newer {
			d.TrustedAt = at.UnixMilli()
		}
		return newer
	})
}

// Trusted is the newest time in a statement that the central signed; zero
// before the first.
func (r *Reader) Trusted(ctx context.Context) (time.Time, error) {
	d, err := loadDesk(r.db.QueryRowContext(ctx, deskQuery))
	if err != nil || d.TrustedAt == 0 {
		return time.Time{}, fail("read trusted time", err)
	}
	return time.UnixMilli(d.TrustedAt).UTC(), nil
}

// rollbackGuard holds the database to a hardware counter. Around each commit of
// new requests the order is:
//
//  1. the commit, whose desk row says what the counter will be: its value + 1
//  2. the increment
//  3. the answer to those who wait
//
// So at any crash the row is equal to the counter or one ahead of it, which the
// next open mends by step 2. A row behind the counter is an old copy: every
// request that was acknowledged came after the increment of its group. It is
// used by the enqueuer's goroutine only, after Open.
type rollbackGuard struct {
	q       *Queue
	counter Counter // nil: no guard
	value   uint64  // what the row says
	behind  bool    // the counter still lacks the increment to value
}

func openGuard(ctx context.Context, q *Queue) (*rollbackGuard, error) {
	g := &rollbackGuard{q: q, counter: q.o.Counter}
	if g.counter == nil {
		return g, nil
	}
	d, err := loadDesk(q.db.QueryRowContext(ctx, deskQuery))
	if err != nil {
		return nil, err
	}
	hardware, err := g.counter.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read hardware counter: %w", err)
	}
	g.value = uint64(d.Counter)
	switch {
	case d.Counter == 0:
		return g, g.adopt("counter_adopted", hardware)
	case g.value == hardware:
		return g, nil
	case g.value == hardware+1: // a crash between commit and increment
		g.behind = true
		g.settle(ctx)
		return g, nil
	}
	return nil, eid.Fail(eid.CodeQueueRollback, "check hardware counter",
		fmt.Errorf("database says %d, counter says %d", g.value, hardware))
}

// adopt takes the counter as it stands, at the first use.
func (g *rollbackGuard) adopt(kind string, hardware uint64) error {
	g.value = hardware
	return g.q.write(func(tx store.Tx) error { return adopt(tx, g.q.audit, kind, hardware, "") })
}

func adopt(tx store.Tx, audit *auditor, kind string, hardware uint64, why string) error {
	var before int64
	if err := alterDesk(tx, func(d *deskRow) bool { before, d.Counter = d.Counter, int64(hardware); return true }); err != nil {
		return err
	}
	return audit.note(tx, kind, "", nil, fmt.Sprintf("from=%d to=%d why=%q", before, hardware, why))
}

// AcceptRollback ends the alarm E-QUEUE-ROLLBACK of the queue in dir: from now on
// the counter's present value is the right one. The audit log keeps the
// operator's reason, and the central sees the log go on from an older head.
func AcceptRollback(ctx context.Context, dir string, counter Counter, why string) error {
	return withStore(ctx, "accept rollback", dir, func(db *store.DB) error {
		hardware, err := counter.Read(ctx)
		if err != nil {
			return fmt.Errorf("read hardware counter: %w", err)
		}
		return db.Write(func(tx store.Tx) error {
			return adopt(tx, &auditor{clock: newMachineClock()}, "rollback_accepted", hardware, why)
		})
	})
}

// expect is step 1: it writes the value that the counter is to have.
func (g *rollbackGuard) expect(tx store.Tx) error {
	if g.counter == nil || g.behind {
		return nil // the increment that is still owed covers this commit, too
	}
	return alterDesk(tx, func(d *deskRow) bool { d.Counter = int64(g.value + 1); return true })
}

// committed is step 2. Where the hardware refuses, the requests are safe on the
// disk all the same: they are acknowledged, the increment stays owed, and until
// it is made an old copy could pass.
func (g *rollbackGuard) committed(ctx context.Context) {
	if g.counter == nil {
		return
	}
	if !g.behind {
		g.value++
		g.behind = true
	}
	g.settle(ctx)
}

func (g *rollbackGuard) settle(ctx context.Context) {
	now, err := g.counter.Read(ctx)
	if err == nil && now+1 == g.value {
		now, err = g.counter.Increment(ctx)
	}
	if err == nil && now != g.value {
		err = fmt.Errorf("database says %d, counter says %d", g.value, now)
	}
	if err != nil {
		g.q.o.Log.Error("hardware counter not incremented", "error", err)
		return
	}
	g.behind = false
}

// next is the counter's value for the requests of the next commit, nil without
// a counter.
func (g *rollbackGuard) next() *uint64 {
	if g.counter == nil {
		return nil
	}
	v := g.value
	if !g.behind {
		v++
	}
	return &v
}
