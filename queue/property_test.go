package queue

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// expected is what one request must be, whatever happened around it.
type expected struct {
	seq      int64
	state    State
	attempts int
	offset   int64
	frozen   bool
}

// Any order of enqueueing, announcing, uploading, failing, receipts (right, wrong,
// repeated), results and restarts keeps the queue what the model says: gap-free,
// chained, nothing lost, no payload gone without its receipt, and a log that
// Verify finds whole.
func TestQueueProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := openDesk(t)
		defer func() { d.Close() }()
		model := map[string]*expected{}
		var ids []string
		pick := func(r *rapid.T) string {
			if len(ids) == 0 {
				r.Skip("empty")
			}
			return rapid.SampledFrom(ids).Draw(r, "request")
		}
		must := func(err error) {
			if err != nil {
				r.Fatal(err)
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"enqueue": func(r *rapid.T) {
				q := newRequest(rapid.SampledFrom([]int{64, fileSample}).Draw(r, "sample"))
				got, err := d.Enqueue(t.Context(), q)
				must(err)
				ids = append(ids, q.ID)
				model[q.ID] = &expected{seq: int64(len(ids)), state: Sealed}
				if got.Seq != int64(len(ids)) {
					r.Fatalf("number %d, want %d", got.Seq, len(ids))
				}
			},
			"enqueue again": func(r *rapid.T) {
				q := newRequest(64)
				q.ID = pick(r)
				got, err := d.Enqueue(t.Context(), q)
				must(err)
				if got.Seq != model[q.ID].seq {
					r.Fatalf("number %d, want %d", got.Seq, model[q.ID].seq)
				}
			},
			"fail": func(r *rapid.T) {
				id, aside := pick(r), rapid.Bool().Draw(r, "aside")
				must(d.Failed(t.Context(), Attempt{ID: id, Code: eid.CodeOffline, Next: time.Now(), Aside: aside}))
				if m := model[id]; m.state.waits() {
					m.attempts++
					if aside {
						m.state = Refused
					}
				}
			},
			"announce": func(r *rapid.T) {
				id := pick(r)
				err, m := d.Announced(t.Context(), id), model[id]
				if (err == nil) == (m.state == Refused) {
					r.Fatalf("Announced of %s = %v", m.state, err)
				}
				if m.state == Sealed {
					m.state = Announced
				}
			},
			"upload": func(r *rapid.T) {
				id, offset := pick(r), rapid.Int64Range(0, 64).Draw(r, "offset")
				err, m := d.Uploading(t.Context(), id, offset), model[id]
				if (err == nil) != m.state.waits() {
					r.Fatalf("Uploading of %s = %v", m.state, err)
				}
				if err == nil {
					m.state, m.offset, m.frozen = Uploading, offset, true
				}
			},
			"receipt": func(r *rapid.T) {
				id := pick(r)
				must(d.Received(t.Context(), d.statement(t, id)))
				if m := model[id]; m.state.waits() || m.state == Refused {
					row, err := d.Get(t.Context(), id)
					must(err)
					m.state, m.attempts, m.offset = Received, m.attempts+1, int64(row.SealedBytes)
				}
			},
			"wrong receipt": func(r *rapid.T) {
				s := d.statement(t, pick(r))
				s.BodyHash = bytes.Clone(s.BodyHash)
				s.BodyHash[rapid.IntRange(0, 31).Draw(r, "byte")] ^= 1
				if err := d.Received(t.Context(), s); eid.CodeOf(err) != eid.CodeReceipt {
					r.Fatalf("Received = %v", err)
				}
			},
			"settle": func(r *rapid.T) {
				id, state := pick(r), rapid.SampledFrom(decided[Received]).Draw(r, "state")
				err := d.Settled(t.Context(), Outcome{Statement: d.statement(t, id), State: state, Reason: "x"})
				m := model[id]
				if ok := m.state == state || slices.Contains(decided[m.state], state); (err == nil) != ok {
					r.Fatalf("Settled(%s) of %s = %v", state, m.state, err)
				}
				if err == nil {
					m.state = state
				}
			},
			"restart": func(*rapid.T) { d.reopen(t) },
			"": func(r *rapid.T) {
				must(matches(t, d, ids, model, false))
			},
		})
		must(matches(t, d, ids, model, true))
	})
}

func matches(t *testing.T, d *desk, ids []string, model map[string]*expected, open bool) error {
	rows, err := d.List(t.Context(), len(ids)+1)
	if err != nil {
		return err
	}
	if len(rows) != len(ids) {
		return fmt.Errorf("%d rows, want %d", len(rows), len(ids))
	}
	previous, waiting := make([]byte, request.HashSize), 0
	for i, id := range ids {
		row, want := rows[len(rows)-1-i], model[id]
		if row.ID != id || row.Seq != want.seq || row.State != want.state || row.Attempts != want.attempts || row.Offset != want.offset || row.Frozen != want.frozen {
			return fmt.Errorf("row %+v, want %s %+v", row, id, *want)
		}
		kept := row.State.waits() || row.State == Refused
		if kept {
			waiting++
		}
		if open && kept {
			sealed, err := d.Payload(t.Context(), id)
			if err != nil {
				return err
			}
			body, _, err := request.Open(d.central, d.keys(), sealed)
			if err != nil {
				return err
			}
			if body.Seq != row.Seq || !bytes.Equal(body.Previous, previous) {
				return fmt.Errorf("number %d is not chained", row.Seq)
			}
		}
		previous = row.BodyHash
	}
	var inRows int
	if err := d.db.QueryRow(`SELECT count(*) FROM payload`).Scan(&inRows); err != nil {
		return err
	}
	if n := len(d.payloads(t)) + inRows; n != waiting {
		return fmt.Errorf("%d payloads for %d waiting requests", n, waiting)
	}
	if !open {
		return nil
	}
	report, err := d.Verify(t.Context(), Verification{})
	if err == nil && (len(report.Findings) != 0 || report.Requests != len(ids)) {
		err = fmt.Errorf("report %+v", report)
	}
	return err
}
