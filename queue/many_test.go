package queue

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/store"
)

// What the daemon asks at its start and before each sending must not read or
// sort all that waits.
func TestQuestionsUseTheirIndexes(t *testing.T) {
	d := openDesk(t)
	for query, index := range map[string]string{
		`SELECT ` + recordColumns + ` FROM request WHERE ` + isWaiting + ` AND (next_at <= 5 OR next_at > 9) ORDER BY due_at, sealed_bytes, seq`: "request_due",
		`SELECT min(next_at) FROM request WHERE ` + isWaiting + ` AND next_at > 0 AND next_at > 5`:                                               "request_next",
		`SELECT ` + recordColumns + ` FROM request WHERE ` + isAwaited + ` ORDER BY due_at, seq LIMIT 5`:                                         "request_awaited",
		`SELECT ` + recordColumns + ` FROM request WHERE ` + isGranted + ` ORDER BY seq LIMIT 5`:                                                 "request_granted",
		`SELECT seq FROM request WHERE ` + isRefused:                                                                                             "request_refused",
	} {
		rows, err := d.db.Query(`EXPLAIN QUERY PLAN ` + query)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var a, b, c int
			var step string
			if err := rows.Scan(&a, &b, &c, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		rows.Close()
		if got := strings.Join(plan, "; "); !strings.Contains(got, index) || strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("%s\n\tplan %q, want index %s and no sorting", query, got, index)
		}
	}
}

// ENROLD_TEST_ROWS=100000 measures opening and the first due request.
func TestOpenWithManyRequests(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ENROLD_TEST_ROWS"))
	if err != nil {
		n = 2000
	}
	d := openDesk(t)
	for at := 0; at < n; {
		if err := d.store.Write(func(tx store.Tx) error {
			for end := min(at+5000, n); at < end; at++ {
				r := record{
					Seq: int64(at + 1), ID: newRequest(0).ID, State: Sealed, BodyHash: make([]byte, 32), SealedBytes: int64(1000 + at%7), QueuedAt: 1,
					DueAt: []string{"2026-11-20", "2026-11-19"}[at%2],
				}
				r.Payload = r.ID
				hashes, err := insertRecords(tx, &r)
				if err != nil {
					return err
				}
				if err := d.audit.note(tx, "sealed", r.ID, hashes[0], ""); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		d.open(t)
		opened := time.Since(begun)
		row, _, err := d.Due(t.Context(), time.Now())
		if err != nil || row == nil || row.DueAt != "2026-11-19" || row.SealedBytes != 1000 {
			t.Fatalf("Due = %+v, %v", row, err)
		}
		t.Logf("%d requests: open %v, first due after %v", n, opened, time.Since(begun))
	}
}
