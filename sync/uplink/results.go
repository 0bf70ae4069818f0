package uplink

import (
	"context"
	"errors"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/sync/wire"
)

const (
	awaitedAtOnce = 64
	// longPoll is short enough that a newly received request is asked for soon
	// although one goroutine waits for all.
	longPoll = 2 * time.Second
)

// await fetches the decisions on received requests, the nearest deadline first.
func (u *Uplink) await(ctx context.Context) error {
	changes, cancel := u.o.Queue.Changes()
	defer cancel()
	var idle backOff
	for ctx.Err() == nil {
		rows, err := u.o.Queue.Awaiting(ctx, awaitedAtOnce)
		if err != nil {
			u.o.Log.Error("queue not readable", "code", eid.CodeOf(err))
			pause(ctx, idle.next(), nil, nil)
			continue
		}
		if len(rows) == 0 {
			idle.reset()
			pause(ctx, -1, changes, nil)
			continue
		}
		wait := time.Duration(0)
		if len(rows) == 1 {
			wait = longPoll
		}
		if u.round(ctx, rows, wait) {
			idle.reset()
		} else if pause(ctx, idle.next(), changes, nil) == changed {
			idle.reset()
		}
	}
	return nil
}

// round asks for each row once and reports whether any was settled.
func (u *Uplink) round(ctx context.Context, rows []queue.Row, wait time.Duration) (settled bool) {
	for _, row := range rows {
		done, err := u.settle(ctx, row, wait)
		if ctx.Err() != nil {
			return settled
		}
		settled = settled || done
		if err == nil {
			continue
		}
		u.o.Log.Warn("result not fetched", "seq", row.Seq, "code", eid.CodeOf(err))
		if eid.CodeOf(err) == eid.CodeOffline {
			return settled // the link is down for the others, too
		}
	}
	return settled
}

func (u *Uplink) settle(ctx context.Context, row queue.Row, wait time.Duration) (bool, error) {
	signed, err := u.result(ctx, row, wait)
	if errors.Is(err, errUndecided) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s, err := u.verify(wire.KindResult, row, signed)
	if err != nil {
		return false, err
	}
	o := queue.Outcome{Statement: u.statement(row, signed), State: queue.Granted, Reason: string(s.Reason), Took: u.took(row.ID)}
	if s.State == wire.StateRejected {
		o.State = queue.Rejected
	}
	if err := u.o.Queue.Settled(ctx, o); err != nil {
		return false, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.started, row.ID)
	return true, nil
}

func (u *Uplink) took(id string) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at, ok := u.started[id]; ok {
		return time.Since(at)
	}
	return 0
}
