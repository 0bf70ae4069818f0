package intake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/wire"
)

const (
	decideAtOnce = 32
	firstRetry   = 100 * time.Millisecond
	lastRetry    = time.Minute
)

func (in *Intake) wakeDecider() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// Run decides what was received, also what an earlier process left undecided,
// until ctx ends.
func (in *Intake) Run(ctx context.Context) error {
	retry := firstRetry
	for ctx.Err() == nil {
		left, err := in.decideAll(ctx)
		if err != nil && ctx.Err() == nil {
			in.o.Log.Error("decisions stopped for now", "error", err)
		}
		var again <-chan time.Time
		if left || err != nil {
			again = time.After(retry)
			retry = min(retry*2, lastRetry)
		} else {
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
		case <-in.wake:
		case <-again:
		}
	}
	return nil
}

type undecided struct {
	ident   request.Ident
	hash    []byte
	payload string
}

// decideAll goes once through the undecided requests; left says that some
// could not be decided now.
func (in *Intake) decideAll(ctx context.Context) (left bool, err error) {
	after := int64(0)
	for ctx.Err() == nil {
		batch, last, err := in.undecided(ctx, after)
		if err != nil || len(batch) == 0 {
			return left, err
		}
		after = last
		for _, u := range batch {
			if err := in.decide(ctx, u); err != nil {
				if ctx.Err() != nil {
					return true, nil
				}
				in.o.Log.Warn("request not decided yet", "desk", u.ident.Desk, "seq", u.ident.Seq, "error", err)
				left = true
			}
		}
	}
	return left, nil
}

// undecided returns a batch in the order of arrival, after row number after.
func (in *Intake) undecided(ctx context.Context, after int64) (batch []undecided, last int64, err error) {
	rows, err := in.db.Read.QueryContext(ctx, `SELECT rowid, id, desk_id, seq, body_hash, payload FROM request
		WHERE state = 'received' AND rowid > ? ORDER BY rowid LIMIT ?`, after, decideAtOnce)
	if err != nil {
		return nil, 0, fmt.Errorf("find undecided requests: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u undecided
		if err := rows.Scan(&last, &u.ident.Request, &u.ident.Desk, &u.ident.Seq, &u.hash, &u.payload); err != nil {
			return nil, 0, fmt.Errorf("find undecided requests: %w", err)
		}
		batch = append(batch, u)
	}
	return batch, last, rows.Err()
}

func (in *Intake) decide(ctx context.Context, u undecided) error {
	sealed, err := store.ReadFile(in.payload, u.payload, wire.MaxRequest)
	if err != nil {
		return err
	}
	desk, err := in.desks.byID(ctx, u.ident.Desk)
	if err != nil {
		return err
	}
	body, _, err := request.Open(in.o.SealKey, desk, sealed)
	if err != nil {
		return err
	}
	verdict, err := in.o.Decider.Decide(ctx, body)
	if err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	now, state := time.Now(), wire.StateRejected
	if verdict.Granted {
		state = wire.StateGranted
	}
	signed, err := wire.SignStatement(in.o.Receipt, wire.NewResult(u.ident, u.hash, state, verdict.Reason, now))
	if err != nil {
		return err
	}
	err = in.db.Write(func(tx store.Tx) error {
		_, err := tx.Exec(`UPDATE request SET state = ?, decided_at = ?, result = ? WHERE id = ? AND state = 'received'`,
			string(state), now.UnixMilli(), signed, u.ident.Request)
		return err
	})
	if err != nil {
		return fmt.Errorf("store decision: %w", err)
	}
	in.o.Log.Info("request decided", "desk", u.ident.Desk, "seq", u.ident.Seq, "state", state, "reason", verdict.Reason)
	in.mu.Lock()
	defer in.mu.Unlock()
	close(in.decided)
	in.decided = make(chan struct{})
	return nil
}

// result serves the signed decision, waiting for it as long as the desk asks.
func (in *Intake) result(w http.ResponseWriter, r *http.Request) {
	desk, err := in.Caller(r)
	if err != nil {
		in.Answer(w, err)
		return
	}
	wait := time.Duration(0)
	if ms, err := strconv.Atoi(r.URL.Query().Get("wait_ms")); err == nil && ms > 0 {
		wait = min(time.Duration(ms)*time.Millisecond, wire.MaxWait)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		in.mu.Lock()
		decided := in.decided
		in.mu.Unlock()
		signed, err := in.decision(r.Context(), r.PathValue("id"), desk.ID)
		if err != nil {
			in.Answer(w, err)
			return
		}
		if signed != nil {
			send(w, http.StatusOK, signed)
			return
		}
		select {
		case <-decided:
		case <-r.Context().Done():
			return
		case <-deadline.C:
			w.WriteHeader(http.StatusAccepted)
			return
		}
	}
}

// decision returns the signed result of a desk's request, nil while undecided.
func (in *Intake) decision(ctx context.Context, id, deskID string) (signed []byte, err error) {
	err = in.db.Read.QueryRowContext(ctx, `SELECT result FROM request WHERE id = ? AND desk_id = ?`, id, deskID).Scan(&signed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, refuse(http.StatusNotFound, wire.ReasonUnknown)
	}
	if err != nil {
		return nil, fmt.Errorf("find result: %w", err)
	}
	return signed, nil
}
