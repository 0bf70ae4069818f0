package uplink

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
)

// TestTurn: one at a time, the most urgent of those who wait next, and one who
// gives up keeps nobody waiting.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sending turn
		first, err := sending.take(t.Context(), queue.Row{Seq: 1})
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan int64, 3)
		impatient, leave := context.WithCancel(t.Context())
		for _, w := range []struct {
			ctx context.Context
			row queue.Row
		}{
			{t.Context(), queue.Row{Seq: 2, DueAt: eid.Date("2026-12-02"), SealedBytes: 10}},
			{t.Context(), queue.Row{Seq: 3, DueAt: eid.Date("2026-12-01"), SealedBytes: 20}},
			{impatient, queue.Row{Seq: 4, DueAt: eid.Date("2026-11-01")}},
			{t.Context(), queue.Row{Seq: 5, DueAt: eid.Date("2026-12-01"), SealedBytes: 10}},
		} {
			go func() {
				done, err := sending.take(w.ctx, w.row)
				if err != nil {
					if !errors.Is(err, context.Canceled) || w.row.Seq != 4 {
						t.Errorf("row %d: %v", w.row.Seq, err)
					}
					return
				}
				order <- w.row.Seq
				done()
				done() // of no effect
			}()
		}
		synctest.Wait()
		if len(order) != 0 {
			t.Fatal("two send at once")
		}
		leave()
		synctest.Wait()
		first()
		synctest.Wait()
		for _, want := range []int64{5, 3, 2} {
			if got := <-order; got != want {
				t.Errorf("row %d was next, want %d", got, want)
			}
		}
		if sending.taken || len(sending.waiting) != 0 {
			t.Error("the turn was not given back")
		}
	})
}
