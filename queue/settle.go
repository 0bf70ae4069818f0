package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

// Attempt is a try to send that brought no receipt.
type Attempt struct {
	ID     string
	Code   eid.Code
	Reason string    // the central's reason code, "" when there was no answer
	Next   time.Time // not before
	Aside  bool      // never again: the request becomes refused and keeps its payload
}

// Failed records an attempt. A request that does not wait any more is left alone.
func (q *Queue) Failed(ctx context.Context, a Attempt) error {
	return q.alter(ctx, "record attempt", a.ID, func(_ store.Tx, r *record) (string, string, error) {
		if !r.State.waits() {
			return "", "", nil
		}
		kind := "attempt"
		if a.Aside {
			kind, r.State = "refused", Refused
		}
		r.Attempts++
		r.LastError, r.Reason, r.NextAt = string(a.Code), a.Reason, a.Next.UnixMilli()
		return kind, fmt.Sprintf("attempts=%d code=%s reason=%q", r.Attempts, a.Code, a.Reason), nil
	})
}

// Announced records that the central knows of the request: sealed → announced.
// From a later state it changes nothing.
func (q *Queue) Announced(ctx context.Context, id string) error {
	return q.alter(ctx, "record announcement", id, func(_ store.Tx, r *record) (string, string, error) {
		switch {
		case r.State == Refused:
			return "", "", illegal(r.State, Announced)
		case r.State != Sealed:
			return "", "", nil
		}
		r.State = Announced
		return "announced", "", nil
	})
}

// Uploading records how many bytes the central holds; the first call, before the
// first byte is sent, freezes the request. An offset may go back: a central that
// lost a part says so.
func (q *Queue) Uploading(ctx context.Context, id string, offset int64) error {
	return q.alter(ctx, "record upload", id, func(_ store.Tx, r *record) (string, string, error) {
		switch {
		case offset < 0 || offset > r.SealedBytes:
			return "", "", eid.Fail(eid.CodeInput, "record upload", fmt.Errorf("offset %d of %d bytes", offset, r.SealedBytes))
		case !r.State.waits():
			return "", "", illegal(r.State, Uploading)
		case r.State == Uploading && r.Offset == offset:
			return "", "", nil
		}
		kind := "upload"
		if r.FrozenAt == 0 {
			kind, r.FrozenAt = "frozen", q.clock.Now().UnixMilli()
		}
		r.State, r.Offset = Uploading, offset
		return kind, fmt.Sprintf("offset=%d", offset), nil
	})
}

func illegal(from, to State) error {
	return eid.Fail(eid.CodeState, "change state", fmt.Errorf("a request that is %s cannot become %s", from, to))
}

// Statement is what the central signed about a request. The caller has verified
// the signature; the queue still checks that it speaks of these sealed bytes.
type Statement struct {
	ID       string
	DeskID   string
	Seq      int64
	BodyHash []byte
	Signed   []byte    // as received, kept as proof
	At       time.Time // the central's time in the statement; zero if it names none
}

func (q *Queue) about(s Statement, r *record) error {
	if s.DeskID != q.o.DeskID || s.Seq != r.Seq || !bytes.Equal(s.BodyHash, r.BodyHash) || len(s.Signed) == 0 {
		return eid.Fail(eid.CodeReceipt, "match statement", errors.New("statement is about other bytes"))
	}
	return nil
}

// Received keeps the central's receipt and deletes the payload. A receipt for
// another body is refused with E-RECEIPT and deletes nothing; the same receipt
// twice is no error.
func (q *Queue) Received(ctx context.Context, receipt Statement) error {
	const op = "record receipt"
	var payload string
	err := q.alter(ctx, op, receipt.ID, func(tx store.Tx, r *record) (string, string, error) {
		if err := q.about(receipt, r); err != nil {
			return "", "", err
		}
		if !r.State.waits() && r.State != Refused {
			return "", "", nil
		}
		payload = r.Payload
		r.State, r.Receipt, r.Payload, r.Offset = Received, receipt.Signed, "", r.SealedBytes
		r.Attempts++
		r.LastError, r.Reason, r.NextAt = "", "", 0
		return "received", "", trust(tx, receipt.At)
	})
	if err != nil || payload == "" {
		return err
	}
	if payload == inRow { // gone with the commit, by a trigger
		q.tidier.soon()
		return nil
	}
	// After the commit: a crash before this line leaves an orphan for the sweep.
	if err := os.Remove(filepath.Join(q.payload, payload)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(op, err)
	}
	q.tidier.soon()
	if err := store.SyncDir(q.payload); err != nil {
		return q.stop(fail(op, err))
	}
	return nil
}

// Outcome is what the central says became of a request.
type Outcome struct {
	Statement
	State  State // accepted, needs_correction, granted, rejected, activated or activation_expired
	Reason string
	Took   time.Duration // first byte sent to verified result; 0 if unknown
}

// Settled records a result. The same result twice is no error; one that cannot
// follow the present state is refused with E-STATE.
func (q *Queue) Settled(ctx context.Context, o Outcome) error {
	const op = "record result"
	if !o.State.decision() {
		return fail(op, fmt.Errorf("state %q is not a result", o.State))
	}
	return q.alter(ctx, op, o.ID, func(tx store.Tx, r *record) (string, string, error) {
		if err := q.about(o.Statement, r); err != nil {
			return "", "", err
		}
		if r.State == o.State && r.Reason == o.Reason {
			return "", "", nil
		}
		if r.State != o.State && !slices.Contains(decided[r.State], o.State) {
			return "", "", illegal(r.State, o.State)
		}
		details := fmt.Sprintf("from=%s reason=%q", r.State, o.Reason)
		r.State, r.Reason, r.Result, r.LastError = o.State, o.Reason, o.Signed, ""
		if o.State == Rejected {
			r.LastError = string(eid.CodeRejected)
		}
		if o.Took > 0 {
			r.SyncMS = o.Took.Milliseconds()
		}
		return string(o.State), details, trust(tx, o.At)
	})
}

// alter lets f change one row; the row, its hash and the audit entry that f names
// are one transaction. f answers kind "" where nothing changed.
func (q *Queue) alter(ctx context.Context, op, id string, f func(store.Tx, *record) (kind, details string, err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	changed := false
	err := q.write(func(tx store.Tx) error {
		changed = false // the write may run twice: the first time without space
		r, err := load(tx, id)
		if err != nil {
			return err
		}
		kind, details, err := f(tx, &r)
		if err != nil || kind == "" {
			return err
		}
		hash, err := r.update(tx)
		if err != nil {
			return err
		}
		changed = true
		return q.audit.note(tx, kind, id, hash, details)
	})
	if err != nil {
		return fail(op, err)
	}
	if changed {
		q.trusts.Add(1)
		q.watch.tell()
	}
	return nil
}
