package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// Failed records an attempt.
func (q *Queue) Failed(ctx context.Context, a Attempt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	state := Sealed
	if a.Aside {
		state = Refused
	}
	return q.change("record attempt", func(tx store.Tx) error {
		_, err := tx.Exec(`UPDATE request SET attempts = attempts + 1, last_error = ?, reason = ?, next_at = ?, state = ?
			WHERE id = ? AND state = 'sealed'`, string(a.Code), a.Reason, a.Next.UnixMilli(), state, a.ID)
		return err
	})
}

// Statement is what the central signed about a request. The caller has verified
// the signature; the queue still checks that it speaks of these sealed bytes.
type Statement struct {
	ID       string
	DeskID   string
	Seq      int64
	BodyHash []byte
	Signed   []byte // as received, kept as proof
}

func (q *Queue) match(tx store.Tx, s Statement) (State, string, error) {
	var state State
	var seq int64
	var hash []byte
	var payload string
	err := tx.Row(`SELECT state, seq, body_hash, payload FROM request WHERE id = ?`, s.ID).Scan(&state, &seq, &hash, &payload)
	if err != nil {
		return "", "", err
	}
	if s.DeskID != q.o.DeskID || s.Seq != seq || !bytes.Equal(s.BodyHash, hash) || len(s.Signed) == 0 {
		return "", "", eid.Fail(eid.CodeReceipt, "match statement", errors.New("statement is about other bytes"))
	}
	return state, payload, nil
}

// Received keeps the central's receipt and deletes the payload. A receipt for
// another body is refused with E-RECEIPT and deletes nothing; the same receipt
// twice is no error.
func (q *Queue) Received(ctx context.Context, receipt Statement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var payload string
	err := q.change("record receipt", func(tx store.Tx) error {
		state, name, err := q.match(tx, receipt)
		if err != nil {
			return err
		}
		payload = name
		if state != Sealed && state != Refused {
			return nil
		}
		_, err = tx.Exec(`UPDATE request SET state = 'received', receipt = ?, payload = '', attempts = attempts + 1,
			last_error = '', reason = '', next_at = 0 WHERE id = ?`, receipt.Signed, receipt.ID)
		return err
	})
	if err != nil || payload == "" {
		return err
	}
	// After the commit: a crash before this line leaves an orphan for the sweep.
	if err := os.Remove(filepath.Join(q.payload, payload)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail("record receipt", err)
	}
	return fail("record receipt", store.SyncDir(q.payload))
}

// Outcome is the central's decision.
type Outcome struct {
	Statement
	State  State // Granted or Rejected
	Reason string
	Took   time.Duration // first byte sent to verified result; 0 if unknown
}

// Settled records the decision on a received request.
func (q *Queue) Settled(ctx context.Context, o Outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.State != Granted && o.State != Rejected {
		return fail("record result", fmt.Errorf("state %q is not a decision", o.State))
	}
	return q.change("record result", func(tx store.Tx) error {
		state, _, err := q.match(tx, o.Statement)
		if err != nil {
			return err
		}
		if state == o.State {
			return nil
		}
		if state != Received {
			return fmt.Errorf("request is %s, not received", state)
		}
		code := ""
		if o.State == Rejected {
			code = string(eid.CodeRejected)
		}
		_, err = tx.Exec(`UPDATE request SET state = ?, reason = ?, last_error = ?, result = ?, sync_ms = ? WHERE id = ?`,
			o.State, o.Reason, code, o.Signed, o.Took.Milliseconds(), o.ID)
		return err
	})
}

func (q *Queue) change(op string, f func(store.Tx) error) error {
	if err := q.db.Write(f); err != nil {
		return fail(op, err)
	}
	q.watch.tell()
	return nil
}
