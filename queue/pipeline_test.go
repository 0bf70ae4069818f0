package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// slowTicks is a counter that takes its time, as a TPM does, and fails at times:
// while it works the next batch is sealed.
type slowTicks struct {
	ticks
	tries, failEach int
}

func (c *slowTicks) Increment(ctx context.Context) (uint64, error) {
	time.Sleep(3 * time.Millisecond)
	if c.tries++; c.failEach > 0 && c.tries%c.failEach == 0 {
		return 0, errors.New("the chip is busy")
	}
	return c.ticks.Increment(ctx)
}

// crowd enqueues from many producers at once, every third request twice, and
// returns how many calls ended with each code, "" for success.
func crowd(t *testing.T, d *desk, producers, each, sample int) map[eid.Code]int {
	t.Helper()
	var mu sync.Mutex
	said := map[eid.Code]int{}
	var all sync.WaitGroup
	for range producers {
		all.Go(func() {
			for i := range each {
				r := newRequest(sample)
				var calls sync.WaitGroup
				answers := make([]station.Queued, 1+(i+1)%3/2)
				for n := range answers {
					calls.Go(func() {
						time.Sleep(time.Duration(n) * 2 * time.Millisecond) // the first may be on its way to the disk
						var err error
						answers[n], err = d.Enqueue(context.Background(), r)
						mu.Lock()
						defer mu.Unlock()
						if err != nil {
							said[eid.CodeOf(err)]++
						} else {
							said[""]++
						}
					})
				}
				calls.Wait()
				if a, b := answers[0], answers[len(answers)-1]; a.Seq != 0 && b.Seq != 0 && a != b {
					t.Errorf("one request, two answers: %+v and %+v", a, b)
				}
			}
		})
	}
	all.Wait()
	return said
}

// chained opens every request: gap-free, each after the one before, and none that
// speaks of a value of the counter that was not its commit's.
func chained(t *testing.T, d *desk) (n int) {
	t.Helper()
	rows, err := d.List(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	previous, counter := make([]byte, request.HashSize), uint64(0)
	for i := range rows {
		row := rows[len(rows)-1-i]
		sealed, err := d.Payload(t.Context(), row.ID)
		if err != nil {
			t.Fatal(err)
		}
		body, _, err := request.Open(d.central, d.keys(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if body.Seq != int64(i+1) || row.Seq != body.Seq || !bytes.Equal(body.Previous, previous) {
			t.Fatalf("number %d at place %d is not chained", body.Seq, i+1)
		}
		if c := body.Clocks.Counter; c != nil {
			if *c < counter || *c > counter+1 && counter != 0 {
				t.Fatalf("number %d: counter %d after %d", body.Seq, *c, counter)
			}
			counter = *c
		}
		previous = row.BodyHash
	}
	if c, ok := d.counter.(*slowTicks); ok && counter != c.value && counter != c.value+1 {
		t.Fatalf("the last body says %d, the counter %d", counter, c.value)
	}
	if got := verify(t, d.dir); len(got.Findings) != 0 || got.Requests != len(rows) {
		t.Fatalf("report %+v", got)
	}
	return len(rows)
}

// Sealing goes on while a batch is written: the chain, the answers of calls with
// one id and the counter in each body are as if it did not, also when the
// hardware refuses now and then and what was sealed on top is sealed again.
func TestSealingOverlapsWriting(t *testing.T) {
	for _, failEach := range []int{0, 3} {
		t.Run(fmt.Sprintf("counter fails each %d", failEach), func(t *testing.T) {
			d := openDesk(t)
			d.counter = &slowTicks{ticks: ticks{value: 1000}, failEach: failEach}
			d.reopen(t)
			said := crowd(t, d, 6, 9, 100)
			if n := chained(t, d); n != 54 || said[""] != 6*(9+3) || len(said) != 1 {
				t.Fatalf("%d requests, answers %v", n, said)
			}
		})
	}
}

// When a write fails, what was sealed on top of it fails with it, all callers are
// told, and the chain goes on where the disk left it.
func TestFailedWriteTakesWhatIsOnTop(t *testing.T) {
	for name, sample := range map[string]int{"rows": 3000, "files": fileSample} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t)
			limit := func(pages string) {
				if err := d.store.Write(func(tx store.Tx) error {
					var n int
					return tx.Row(`PRAGMA max_page_count = ` + pages).Scan(&n)
				}); err != nil {
					t.Fatal(err)
				}
			}
			before := crowd(t, d, 4, 3, sample)[""]
			limit("1") // no page more than there are
			full := crowd(t, d, 8, 12, sample)
			if full[eid.CodeDiskFull] == 0 {
				t.Fatalf("the database never became full: %v", full)
			}
			kept := chained(t, d)
			limit("100000")
			after := crowd(t, d, 4, 3, sample)
			if len(after) != 1 || after[""] != before {
				t.Fatalf("after there was space: %v", after)
			}
			if n := chained(t, d); n != kept+12 {
				t.Fatalf("%d requests, want %d", n, kept+12)
			}
			if files := len(d.payloads(t)); sample == fileSample && files != kept+12 {
				t.Fatalf("%d files for %d requests", files, kept+12)
			}
			t.Logf("full: %v", full)
		})
	}
}
