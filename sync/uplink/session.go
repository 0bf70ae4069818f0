package uplink

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/sync/wire"
)

const (
	// defaultLanes: one sends, one or two short ones wait for their answers, and
	// one is ready.
	defaultLanes = 4
	maxLanes     = 8
	// helloEvery is how often the log head is sent while nothing else is.
	helloEvery = time.Hour
	// breath between two sessions bounds what a queue costs that offers again
	// and again what cannot be sent.
	breath = 20 * time.Millisecond
)

// send keeps the session: one after the other, each for as long as there is
// something to send and the link holds.
func (u *Uplink) send(ctx context.Context) error {
	changes, cancel := u.o.Queue.Changes()
	defer cancel()
	var link backOff
	hello := time.Now() // at the start, too: a central that knows more of our log must say so soon
	for ctx.Err() == nil {
		now := time.Now()
		if probe, open := u.breaker.state(now); open && now.Before(probe) {
			pause(ctx, probe.Sub(now), nil, nil)
			continue
		}
		work, next, err := u.due(ctx, now)
		switch {
		case err != nil:
			u.o.Log.Error("queue not readable", "code", eid.CodeOf(err))
			pause(ctx, link.next(), nil, u.kick)
		case !work && now.Before(hello):
			if next.IsZero() || hello.Before(next) {
				next = hello
			}
			pause(ctx, next.Sub(now), changes, u.kick)
		default:
			if u.session(ctx) == nil {
				hello = now.Add(helloEvery)
				link.reset()
				pause(ctx, breath, nil, u.kick)
			} else if pause(ctx, link.next(), nil, u.kick) == kicked {
				link.reset()
			}
		}
	}
	return nil
}

// waiting returns the rows to be sent that are not held back, the most urgent
// first.
func (u *Uplink) waiting(ctx context.Context, now time.Time) (rows []queue.Row, next time.Time, err error) {
	all, err := u.o.Queue.Waiting(ctx, wire.MaxAnnounced+u.later.count())
	if err != nil {
		return nil, time.Time{}, err
	}
	for _, r := range all {
		until, held := u.later.at(r.ID, now)
		if !held {
			rows = append(rows, r)
		} else if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	return rows, next, nil
}

// due says whether a session has anything to do, and when it may have.
func (u *Uplink) due(ctx context.Context, now time.Time) (work bool, next time.Time, err error) {
	rows, next, err := u.waiting(ctx, now)
	if err != nil || len(rows) == 0 {
		return false, next, err
	}
	until := u.o.Policy.restraint(ctx, now, u.base)
	for _, r := range rows {
		if until.IsZero() || u.o.Policy.urgent(r.DueAt, now) || r.State == queue.Sealed && !u.plain.Load() {
			return true, time.Time{}, nil
		}
	}
	if next.IsZero() || until.Before(next) {
		next = until
	}
	return false, next, nil
}

// session is one time of being connected.
type session struct {
	u          *Uplink
	restrained bool // quiet hours or a metered link: only what is urgent

	mu    sync.Mutex
	known map[string]int64 // announced requests, and what the central has of them
	busy  map[string]bool  // in a lane
}

// session announces what waits and sends it. It returns nil when nothing is
// left that may be sent now, and an error when trying on would be of no use.
func (u *Uplink) session(ctx context.Context) error {
	s := &session{u: u, known: map[string]int64{}, busy: map[string]bool{}}
	now := time.Now()
	s.restrained = !u.o.Policy.restraint(ctx, now, u.base).IsZero()
	rows, _, err := u.waiting(ctx, now)
	if err == nil {
		err = s.announce(ctx, s.unknown(rows, now))
	}
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for range u.lanes() {
		g.Go(func() error { return s.lane(ctx) })
	}
	return g.Wait()
}

func (u *Uplink) lanes() int {
	if u.o.Policy.Lanes <= 0 {
		return defaultLanes
	}
	return min(u.o.Policy.Lanes, maxLanes)
}

// lane carries one request after the other.
func (s *session) lane(ctx context.Context) error {
	changes, cancel := s.u.o.Queue.Changes()
	defer cancel()
	for ctx.Err() == nil {
		row, at, err := s.take(ctx)
		if err != nil {
			return err
		}
		if row == nil {
			if s.ended() {
				return nil
			}
			pause(ctx, time.Second, changes, nil) // another lane works: what is new is announced here
			continue
		}
		err = s.deliver(ctx, *row, at)
		s.leave(row.ID)
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// take returns the next request for a lane and what the central has of it.
func (s *session) take(ctx context.Context) (*queue.Row, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	rows, _, err := s.u.waiting(ctx, now)
	if err != nil {
		return nil, 0, err
	}
	if fresh := s.unknown(rows, now); len(fresh) > 0 {
		if err := s.announce(ctx, fresh); err != nil {
			return nil, 0, err
		}
		if rows, _, err = s.u.waiting(ctx, now); err != nil { // some may be received
			return nil, 0, err
		}
	}
	for _, r := range rows {
		at, known := s.known[r.ID]
		if s.busy[r.ID] || !known || !s.may(r, now) {
			continue
		}
		s.busy[r.ID] = true
		return &r, at, nil
	}
	return nil, 0, nil
}

func (s *session) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
	delete(s.known, id) // if it still waits, what the central has is asked again
}

func (s *session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.busy) == 0
}

// may says whether a request may be sent now.
func (s *session) may(r queue.Row, now time.Time) bool {
	return !s.restrained || s.u.o.Policy.urgent(r.DueAt, now)
}

// unknown returns the rows of which this session does not know what the central
// has, as many as one announcement holds.
func (s *session) unknown(rows []queue.Row, now time.Time) (fresh []queue.Row) {
	for _, r := range rows {
		_, known := s.known[r.ID]
		if !known && !s.busy[r.ID] && (r.State == queue.Sealed || s.may(r, now)) && len(fresh) < wire.MaxAnnounced {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

// announce tells the central of rows, and of the audit log, and writes down what
// it says of them.
func (s *session) announce(ctx context.Context, rows []queue.Row) error {
	u := s.u
	if u.plain.Load() {
		for _, r := range rows {
			s.known[r.ID] = 0
		}
		return nil
	}
	m := wire.Sync{Requests: []wire.Announcement{}}
	for _, r := range rows {
		m.Requests = append(m.Requests, wire.Announcement{ID: r.ID, Hash: r.BodyHash, Size: int64(r.SealedBytes), Due: string(r.DueAt)})
	}
	m.Log = u.logHead(ctx)
	a, err := u.announce(ctx, m)
	if p, answered := errors.AsType[wire.Problem](err); answered && (p.Status == http.StatusNotFound || p.Status == http.StatusMethodNotAllowed) {
		u.o.Log.Info("central takes whole requests only")
		u.plain.Store(true)
		return s.announce(ctx, rows)
	}
	if err != nil {
		if ctx.Err() == nil {
			u.stopped(ctx, rows, err)
		}
		return err
	}
	u.breaker.reset()
	if m.Log != nil {
		u.logAnswer(m.Log, a)
	}
	for i, k := range a.Requests {
		s.learn(ctx, rows[i], k)
	}
	return nil
}

// learn takes what the central says of one announced request.
func (s *session) learn(ctx context.Context, row queue.Row, k wire.Known) {
	u := s.u
	var err error
	switch k.State {
	case wire.PresenceReceived:
		if err = u.received(ctx, row, k.Receipt); err != nil {
			_ = u.judge(ctx, row, err) // written down; the others of the answer still count
			return
		}
	case wire.PresenceRefused:
		_ = u.judge(ctx, row, eid.Fail(eid.CodeSyncRefused, "announce", wire.Problem{Status: http.StatusUnprocessableEntity, Code: k.Reason}))
	default:
		s.known[row.ID] = k.Offset
		if row.State == queue.Sealed {
			err = u.o.Queue.Announced(ctx, row.ID)
		}
	}
	if err != nil && ctx.Err() == nil {
		u.o.Log.Error("announcement not recorded", "code", eid.CodeOf(err))
	}
}

// logHead returns the audit log's head with the proof that it extends what the
// central keeps; nil when it cannot be read.
func (u *Uplink) logHead(ctx context.Context) *wire.Log {
	head, err := u.o.Queue.Log(ctx)
	if err != nil {
		u.o.Log.Error("audit log not readable", "code", eid.CodeOf(err))
		return nil
	}
	u.mu.Lock()
	from := u.logKept
	u.mu.Unlock()
	if from > head.Size || head.Size == 0 {
		from = 0 // the central will see that it is shorter
	}
	if head.Size == 0 {
		head.Root = nil
	}
	proof, err := u.o.Queue.ConsistencyOf(ctx, from, head.Size)
	if err != nil {
		u.o.Log.Error("audit log not readable", "code", eid.CodeOf(err))
		return nil
	}
	l := wire.NewLog(wire.LogHead{Size: head.Size, Root: head.Root}, from, proof)
	return &l
}

// logAnswer notes which head the central keeps.
func (u *Uplink) logAnswer(sent *wire.Log, a wire.SyncAnswer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.logKept = a.Log.Size
	if bad := a.LogReason != ""; bad != u.logBad {
		u.logBad = bad
		if bad {
			u.o.Log.Error("central knows another audit log of this desk", "ours", sent.Size, "theirs", a.Log.Size)
		}
	}
}
