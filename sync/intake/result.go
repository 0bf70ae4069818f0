package intake

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// PatternStatus is where an operator's monitoring asks a desk's own request
// for its state, in JSON and without waiting.
const PatternStatus = "GET /v1/requests/{id}/status"

// result serves the newest signed result when its state is another one than the
// desk knows, waiting for it as long as the desk asks.
func (in *Intake) result(w http.ResponseWriter, r *http.Request) {
	desk, err := in.Caller(r)
	if err != nil {
		in.Answer(w, err)
		return
	}
	known := wire.State(r.URL.Query().Get("known"))
	wait := time.Duration(0)
	if ms, err := strconv.Atoi(r.URL.Query().Get("wait_ms")); err == nil && ms > 0 {
		wait = min(time.Duration(ms)*time.Millisecond, wire.MaxWait)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	var others <-chan time.Time // decisions of other processes
	if in.shared {
		look := time.NewTicker(lookEvery / 2)
		defer look.Stop()
		others = look.C
	}
	for {
		in.mu.Lock()
		decided := in.decided
		in.mu.Unlock()
		q, err := in.own(r, desk)
		if err != nil {
			in.Answer(w, err)
			return
		}
		if q.Result != nil && q.State != known {
			send(w, http.StatusOK, q.Result)
			return
		}
		select {
		case <-decided:
		case <-others:
		case <-r.Context().Done():
			return
		case <-deadline.C:
			w.WriteHeader(http.StatusAccepted)
			return
		}
	}
}

// own returns the desk's request that the path names.
func (in *Intake) own(r *http.Request, desk Desk) (vault.Request, error) {
	q, err := in.o.Vault.Request(r.Context(), r.PathValue("id"))
	if errors.Is(err, vault.ErrUnknown) || err == nil && q.Ident.Desk != desk.ID {
		return vault.Request{}, refuse(http.StatusNotFound, wire.ReasonUnknown)
	}
	return q, err
}

// Status is the answer of PatternStatus.
type Status struct {
	ID       string        `json:"id"`
	Seq      int64         `json:"seq"`
	State    wire.State    `json:"state"`
	Received time.Time     `json:"received"`
	Since    time.Time     `json:"since"`
	History  []StatusEntry `json:"history"`
}

// StatusEntry is one state that the request came into.
type StatusEntry struct {
	State  wire.State  `json:"state"`
	Reason wire.Reason `json:"reason,omitempty"`
	At     time.Time   `json:"at"`
}

func (in *Intake) status(w http.ResponseWriter, r *http.Request) {
	desk, err := in.Caller(r)
	if err != nil {
		in.Answer(w, err)
		return
	}
	q, err := in.own(r, desk)
	if err != nil {
		in.Answer(w, err)
		return
	}
	results, err := in.o.Vault.Results(r.Context(), q.Ident.Request)
	if err != nil {
		in.Answer(w, err)
		return
	}
	s := Status{
		ID: q.Ident.Request, Seq: q.Ident.Seq, State: q.State, Received: q.Received, Since: q.Moved,
		History: []StatusEntry{{State: wire.StateReceived, At: q.Received}},
	}
	for _, one := range results {
		s.History = append(s.History, StatusEntry{one.State, one.Reason, one.At})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(s) // a failed write is the caller's to notice
}
