package uplink

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/sync/wire"
)

const (
	awaitedAtOnce = 64
	// pollsAtOnce bounds the long polls under way.
	pollsAtOnce = 16
	longPoll    = 25 * time.Second
	// A decision takes minutes to days, an activation up to seven days: the older
	// the request, the longer the time between two polls.
	fresh           = time.Minute
	agePart         = 20
	longestPause    = 10 * time.Minute
	activationPause = time.Hour
)

// polls is what await knows of the requests whose results it fetches.
type polls struct {
	u      *Uplink
	told   chan struct{} // a poll ended
	active sync.WaitGroup

	mu    sync.Mutex
	under map[string]bool      // being asked for
	next  map[string]time.Time // not before
	empty map[string]int       // answers in a row that said nothing new at once
	down  time.Time            // the central was not reached: nobody asks before
	link  backOff
}

// await fetches what the central says of received requests, until each has its
// last state.
func (u *Uplink) await(ctx context.Context) error {
	changes, cancel := u.o.Queue.Changes()
	defer cancel()
	p := &polls{u: u, told: make(chan struct{}, 1), under: map[string]bool{}, next: map[string]time.Time{}, empty: map[string]int{}}
	defer p.active.Wait()
	var trouble backOff
	for ctx.Err() == nil {
		rows, err := u.awaited(ctx)
		if err != nil {
			u.o.Log.Error("queue not readable", "code", eid.CodeOf(err))
			pause(ctx, trouble.next(), nil, nil)
			continue
		}
		trouble.reset()
		wait := p.start(ctx, rows, time.Now())
		pause(ctx, wait, changes, p.told)
	}
	return nil
}

func (u *Uplink) awaited(ctx context.Context) ([]queue.Row, error) {
	rows, err := u.o.Queue.Awaiting(ctx, awaitedAtOnce)
	if err != nil {
		return nil, err
	}
	granted, err := u.o.Queue.AwaitingActivation(ctx, awaitedAtOnce)
	return append(rows, granted...), err
}

// start asks for all rows whose time has come and returns how long nothing else
// is to be done; negative for "until something changes".
func (p *polls) start(ctx context.Context, rows []queue.Row, now time.Time) (wait time.Duration) {
	probe, refused := p.u.breaker.state(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	wait = -1
	sooner := func(t time.Time) {
		if d := max(t.Sub(now), 0); wait < 0 || d < wait {
			wait = d
		}
	}
	hold := p.down
	if refused && probe.After(hold) {
		hold = probe // the sender's announcement is the probe
	}
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row.ID] = true
		switch {
		case p.under[row.ID]:
		case hold.After(now):
			sooner(hold)
		case p.next[row.ID].After(now):
			sooner(p.next[row.ID])
		case len(p.under) < pollsAtOnce && (row.State != queue.Granted || len(p.under) < pollsAtOnce/2):
			p.under[row.ID] = true
			p.active.Go(func() { p.ask(ctx, row) })
		}
	}
	for id := range p.next {
		if !seen[id] {
			delete(p.next, id)
			delete(p.empty, id)
		}
	}
	return wait
}

// ask is one poll.
func (p *polls) ask(ctx context.Context, row queue.Row) {
	wait := longPoll
	if time.Since(row.QueuedAt) > fresh && row.State == queue.Granted {
		wait = 0 // nobody waits for it
	}
	began := time.Now()
	news, err := p.u.settle(ctx, row, wait)
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.under, row.ID)
	switch {
	case ctx.Err() != nil:
	case eid.CodeOf(err) == eid.CodeOffline && err != nil, hard(err):
		p.down = now.Add(p.link.next())
	case err != nil:
		p.u.o.Log.Warn("result not fetched", "seq", row.Seq, "code", eid.CodeOf(err))
		p.link.reset()
		p.empty[row.ID]++
		p.next[row.ID] = now.Add(max(delay(p.empty[row.ID]), pauseOf(row, now)))
	case news:
		p.link.reset()
		p.empty[row.ID] = 0
		p.next[row.ID] = now
	default:
		p.link.reset()
		again := pauseOf(row, now)
		if now.Sub(began) < wait/2 { // a central that does not wait
			p.empty[row.ID]++
			again = max(again, delay(p.empty[row.ID]))
		}
		p.next[row.ID] = now.Add(again)
	}
	select {
	case p.told <- struct{}{}:
	default:
	}
}

// pauseOf is the time between two polls for a request.
func pauseOf(row queue.Row, now time.Time) time.Duration {
	age := now.Sub(row.QueuedAt)
	switch {
	case age < fresh:
		return 0
	case row.State == queue.Granted:
		return min(age/agePart, activationPause)
	}
	return min(age/agePart, longestPause)
}

// states are the queue's names for what results say.
var states = map[wire.State]queue.State{
	wire.StateAccepted: queue.Accepted, wire.StateNeedsCorrection: queue.NeedsCorrection, wire.StateGranted: queue.Granted,
	wire.StateRejected: queue.Rejected, wire.StateActivated: queue.Activated, wire.StateActivationExpired: queue.ActivationExpired,
}

// known is the state of the last result of a row; "" for none.
func known(row queue.Row) wire.State {
	for w, q := range states {
		if q == row.State {
			return w
		}
	}
	return ""
}

// settle asks for a row's result and writes it down; news is false when it says
// what is known already.
func (u *Uplink) settle(ctx context.Context, row queue.Row, wait time.Duration) (news bool, err error) {
	signed, err := u.result(ctx, row, known(row), wait)
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
	if states[s.State] == row.State && string(s.Reason) == row.Reason {
		return false, nil
	}
	o := queue.Outcome{Statement: u.statement(row, s, signed), State: states[s.State], Reason: string(s.Reason), Took: u.took(row.ID)}
	if err := u.o.Queue.Settled(ctx, o); err != nil {
		return false, err
	}
	if o.State != queue.Accepted {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.started, row.ID)
	}
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
