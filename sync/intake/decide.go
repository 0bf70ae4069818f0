package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Minute
	// lease is for how long a claimed request is left alone by other processes.
	// It is renewed while the decision runs, so it bounds only how long one whose
	// process died has to wait.
	lease = 20 * time.Second
	// lookEvery is how often a process looks for what others left.
	lookEvery = time.Second
	lookAlone = time.Hour // nobody else brings work
)

func (in *Intake) wakeDecider() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// Run carries requests from state to state until ctx ends: also what an earlier
// process left, or another one that shares the vault. At most Options.Parallel
// are under way at the same time.
func (in *Intake) Run(ctx context.Context) error {
	done := make(chan struct{}, in.o.Parallel)
	running := 0
	defer func() {
		for ; running > 0; running-- {
			<-done
		}
	}()
	clean := time.NewTicker(cleanEvery)
	defer clean.Stop()
	for ctx.Err() == nil {
		var wait <-chan time.Time
		if free := in.o.Parallel - running; free > 0 {
			due, next, err := in.o.Vault.Claim(ctx, time.Now(), lease, free)
			if err != nil && ctx.Err() == nil {
				in.o.Log.Error("no requests claimed", "error", err)
			}
			for _, r := range due {
				running++
				go func() {
					defer func() { done <- struct{}{} }()
					in.advance(ctx, r)
				}()
			}
			if len(due) < free {
				timer := time.NewTimer(in.pause(next, err))
				defer timer.Stop()
				wait = timer.C
			}
		}
		select {
		case <-ctx.Done():
		case <-done:
			running--
		case <-in.wake:
		case <-wait:
		case <-clean.C:
			if err := in.clean(ctx, time.Now().Add(-staleAfter)); err != nil && ctx.Err() == nil {
				in.o.Log.Warn("stores not cleaned", "error", err)
			}
		}
	}
	return nil
}

// pause is how long to wait for the next look.
func (in *Intake) pause(next time.Time, failed error) time.Duration {
	limit := lookAlone
	if in.shared || failed != nil {
		limit = lookEvery
	}
	if next.IsZero() {
		return limit
	}
	return min(max(time.Until(next), time.Millisecond), limit)
}

// advance carries one claimed request to its next state, or makes it due again.
func (in *Intake) advance(ctx context.Context, r vault.Request) {
	stop := in.renew(ctx, r)
	v, err := in.next(ctx, r)
	stop()
	if err == nil && v.State != r.State {
		err = in.move(ctx, r, v)
	} else if err == nil {
		err = in.o.Vault.Postpone(ctx, r.Ident.Request, r.State, time.Now().Add(max(v.After, firstRetry)))
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		// We are ending: the next process need not wait for the lease.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := in.o.Vault.Postpone(last, r.Ident.Request, r.State, time.Now()); err != nil {
			in.o.Log.Warn("claim not given back", "error", err)
		}
	case errors.Is(err, vault.ErrChanged): // another process was faster
	default:
		in.o.Log.Warn("request not decided yet", "desk", r.Ident.Desk, "seq", r.Ident.Seq, "error", err)
		again := time.Now().Add(min(firstRetry<<min(r.Attempts, 16), lastRetry))
		if err := in.o.Vault.Postpone(ctx, r.Ident.Request, r.State, again); err != nil {
			in.o.Log.Warn("retry not noted", "error", err)
		}
	}
}

// renew keeps the claim on a request until stop is called.
func (in *Intake) renew(ctx context.Context, r vault.Request) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := in.o.Vault.Postpone(ctx, r.Ident.Request, r.State, time.Now().Add(lease)); err != nil && ctx.Err() == nil {
					in.o.Log.Warn("claim not renewed", "error", err)
				}
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// next says what a request becomes; its own state with After when nothing
// changes yet.
func (in *Intake) next(ctx context.Context, r vault.Request) (Verdict, error) {
	if r.State == wire.StateGranted {
		return in.activation(ctx, r)
	}
	sealed, err := in.o.Payloads.Get(ctx, r.Payload)
	if err != nil {
		return Verdict{}, err
	}
	desk, err := in.o.Vault.Desk(ctx, r.Ident.Desk)
	if err != nil {
		return Verdict{}, err
	}
	body, _, err := in.openWith(verifier{desk: desk, revoked: true}, sealed)
	if err != nil {
		return Verdict{}, err
	}
	if got := (request.Ident{Desk: body.DeskID, Request: body.Request.ID, Seq: body.Seq}); got != r.Ident {
		return Verdict{}, errors.New("payload is another request's")
	}
	var v Verdict
	if again, ok := in.o.Decider.(Resumer); ok && r.State == wire.StateAccepted {
		v, err = again.Resume(ctx, body, r.Moved)
	} else {
		v, err = in.o.Decider.Decide(ctx, body)
	}
	if err != nil {
		return Verdict{}, fmt.Errorf("decide: %w", err)
	}
	return v, nil
}

// move signs and stores the result.
func (in *Intake) move(ctx context.Context, r vault.Request, v Verdict) error {
	now := time.UnixMilli(time.Now().UnixMilli())
	signed, err := wire.SignStatement(in.o.Receipt, wire.NewResult(r.Ident, r.Hash, v.State, v.Reason, now))
	if err != nil {
		return err
	}
	var due time.Time
	switch v.State {
	case wire.StateAccepted:
		due = now.Add(max(v.After, firstRetry))
	case wire.StateGranted:
		if _, ok := in.o.Decider.(Activator); ok {
			due = now
		}
	}
	err = in.o.Vault.Move(ctx, r.Ident.Request, r.State, vault.Result{State: v.State, Reason: v.Reason, At: now, Signed: signed}, due)
	if err != nil {
		return err
	}
	in.o.Log.Info("request decided", "desk", r.Ident.Desk, "seq", r.Ident.Seq, "state", v.State, "reason", v.Reason)
	in.mu.Lock()
	defer in.mu.Unlock()
	close(in.decided)
	in.decided = make(chan struct{})
	return nil
}
