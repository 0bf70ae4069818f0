package uplink

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/enrold/enrold/queue"
)

// turn lets one lane at a time send: two that share a slow link would only both
// be late. It passes on when the last byte was given to the transport, so the
// next request is on its way while the answer to the one before is awaited; and
// when the connection fails, to a lane that knows where to go on without asking.
type turn struct {
	mu      sync.Mutex
	taken   bool
	waiting []*waiter // the most urgent first
}

type waiter struct {
	row   queue.Row
	ready chan struct{}
}

// take waits for the turn to send row; done may be called more than once.
func (t *turn) take(ctx context.Context, row queue.Row) (done func(), err error) {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return sync.OnceFunc(t.pass), nil
	}
	w := &waiter{row, make(chan struct{})}
	at, _ := slices.BinarySearchFunc(t.waiting, row, func(o *waiter, row queue.Row) int { return urgency(o.row, row) })
	t.waiting = slices.Insert(t.waiting, at, w)
	t.mu.Unlock()
	select {
	case <-w.ready:
		return sync.OnceFunc(t.pass), nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := slices.Index(t.waiting, w); at >= 0 {
		t.waiting = slices.Delete(t.waiting, at, at+1)
	} else {
		t.next() // it came at the same time
	}
	return nil, ctx.Err()
}

func (t *turn) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

// next hands the turn on; t.mu is held.
func (t *turn) next() {
	if len(t.waiting) == 0 {
		t.taken = false
		return
	}
	close(t.waiting[0].ready)
	t.waiting = slices.Delete(t.waiting, 0, 1)
}

// urgency orders rows as the queue does.
func urgency(a, b queue.Row) int {
	return cmp.Or(cmp.Compare(a.DueAt, b.DueAt), cmp.Compare(a.SealedBytes, b.SealedBytes), cmp.Compare(a.Seq, b.Seq))
}
