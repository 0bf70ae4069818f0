package upload

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// Door says which desk a connection belongs to and takes its finished
// requests (the intake, adapted). An error that is a wire.Problem is
// the desk's to know; any other means "try again".
type Door interface {
	Caller(r *http.Request) (desk string, err error)
	Accept(ctx context.Context, desk, id string, sealed []byte) (receipt []byte, err error)
	// Known returns the receipt of a request that was accepted before, nil when
	// it was not. Other bytes under its id are a refusal.
	Known(ctx context.Context, desk, id string, hash []byte) (receipt []byte, err error)
}

// Ledger keeps what desks announced, so that the central knows what it misses,
// and the head of each desk's audit log.
type Ledger interface {
	Announced(ctx context.Context, desk string, requests []wire.Announcement) error
	// Log keeps the head of l when l extends the kept one (wire.Log.Extends), in
	// one transaction, and returns the head that is kept now. A contradiction is
	// wire.ErrLog: the kept head stays and is returned with it.
	Log(ctx context.Context, desk string, l wire.Log) (kept wire.LogHead, err error)
}

// Options of a handler; Ledger and Log may be nil.
type Options struct {
	Door   Door
	Parts  Parts
	Ledger Ledger
	Log    *slog.Logger
}

type handler struct {
	o     Options
	locks locks
}

// NewHandler serves wire.PatternAnnounce and everything under wire.UploadsPath.
func NewHandler(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{o: o, locks: locks{held: map[string]*holder{}}}
	mux := http.NewServeMux()
	mux.HandleFunc(wire.PatternAnnounce, h.announce)
	mux.HandleFunc(wire.UploadsPath, h.tus)
	return mux
}

// announce creates an upload for each announced request and says what is there.
func (h *handler) announce(w http.ResponseWriter, r *http.Request) {
	desk, err := h.o.Door.Caller(r)
	if err != nil {
		h.refuse(w, err)
		return
	}
	s, err := wire.ReadSync(http.MaxBytesReader(w, r.Body, wire.MaxSync))
	if err != nil {
		wire.WriteProblem(w, http.StatusBadRequest, wire.ReasonMalformed)
		return
	}
	var answer wire.SyncAnswer
	if h.o.Ledger != nil {
		if err := h.o.Ledger.Announced(r.Context(), desk, s.Requests); err != nil {
			h.refuse(w, err)
			return
		}
		if s.Log != nil {
			if err := h.log(r.Context(), desk, *s.Log, &answer); err != nil {
				h.refuse(w, err)
				return
			}
		}
	}
	for _, a := range s.Requests {
		k, err := h.presence(r.Context(), desk, a)
		if err != nil {
			h.refuse(w, err)
			return
		}
		answer.Requests = append(answer.Requests, k)
	}
	if err := wire.WriteSyncAnswer(w, answer); err != nil {
		h.refuse(w, err)
	}
}

// log has the ledger compare the desk's log head. A contradiction refuses
// nothing: requests that are signed and sealed are wanted from such a desk, too.
func (h *handler) log(ctx context.Context, desk string, l wire.Log, answer *wire.SyncAnswer) error {
	kept, err := h.o.Ledger.Log(ctx, desk, l)
	if errors.Is(err, wire.ErrLog) {
		answer.LogReason = wire.ReasonLog
		h.o.Log.Error("audit log of a desk contradicts the known one", "desk", desk, "error", err)
		err = nil
	}
	if errors.Is(err, wire.ErrLogFrom) {
		err = nil
	}
	answer.Log = kept
	return err
}

// presence says what the central has of an announced request.
func (h *handler) presence(ctx context.Context, desk string, a wire.Announcement) (wire.Known, error) {
	k := wire.Known{ID: a.ID, State: wire.PresenceAnnounced}
	receipt, err := h.o.Door.Known(ctx, desk, a.ID, a.Hash)
	if p, ok := errors.AsType[wire.Problem](err); ok && p.Status < 500 {
		k.State, k.Reason = wire.PresenceRefused, p.Code
		return k, nil
	}
	if err != nil {
		return k, err
	}
	if receipt != nil {
		k.State, k.Receipt = wire.PresenceReceived, receipt
		return k, h.o.Parts.Drop(ctx, desk, a.ID) // it may have come another way
	}
	release, err := h.locks.take(ctx, desk, a.ID, nil)
	if err != nil {
		return k, err
	}
	defer release()
	switch err := h.o.Parts.Create(ctx, desk, a.ID, a.Size, a.Hash); {
	case errors.Is(err, ErrTooMany):
		return k, nil // sent whole, or announced again when others are done
	case errors.Is(err, ErrConflict):
		k.State, k.Reason = wire.PresenceRefused, wire.ReasonOtherBody
		return k, nil
	case err != nil:
		return k, err
	}
	if k.Offset, _, err = h.o.Parts.Offset(ctx, desk, a.ID); err != nil {
		return k, err
	}
	if k.Offset > 0 {
		k.State = wire.PresenceUploading
	}
	return k, nil
}

// tus serves the uploads.
func (h *handler) tus(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(wire.HeaderTusResumable, wire.TusVersion)
	w.Header().Set("Cache-Control", "no-store")
	method := r.Method
	if o := r.Header.Get("X-HTTP-Method-Override"); o != "" && method == http.MethodPost {
		method = o
	}
	if method == http.MethodOptions {
		w.Header().Set("Tus-Version", wire.TusVersion)
		w.Header().Set("Tus-Max-Size", strconv.Itoa(wire.MaxRequest))
		w.Header().Set("Tus-Extension", "creation,checksum")
		w.Header().Set("Tus-Checksum-Algorithm", "sha1,sha256")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Header.Get(wire.HeaderTusResumable) != wire.TusVersion {
		w.Header().Set("Tus-Version", wire.TusVersion)
		wire.WriteProblem(w, http.StatusPreconditionFailed, wire.ReasonMalformed)
		return
	}
	desk, err := h.o.Door.Caller(r)
	if err != nil {
		h.refuse(w, err)
		return
	}
	id := strings.TrimPrefix(r.URL.Path, wire.UploadsPath)
	switch {
	case method == http.MethodPost && id == "":
		h.create(w, r, desk)
	case request.CheckID(id) != nil:
		wire.WriteProblem(w, http.StatusNotFound, wire.ReasonUnknown)
	case method == http.MethodHead:
		h.head(w, r, desk, id)
	case method == http.MethodPatch:
		h.patch(w, r, desk, id)
	default:
		wire.WriteProblem(w, http.StatusMethodNotAllowed, wire.ReasonMalformed)
	}
}

// create makes an upload (tus: creation). Its id is the client's.
func (h *handler) create(w http.ResponseWriter, r *http.Request, desk string) {
	size, err := strconv.ParseInt(r.Header.Get(wire.HeaderTusLength), 10, 64)
	if err != nil || size < 1 {
		wire.WriteProblem(w, http.StatusBadRequest, wire.ReasonMalformed)
		return
	}
	if size > wire.MaxRequest {
		wire.WriteProblem(w, http.StatusRequestEntityTooLarge, wire.ReasonTooLarge)
		return
	}
	id, hash, err := wire.ParseTusMetadata(r.Header.Get(wire.HeaderTusMetadata))
	if err != nil || request.CheckID(id) != nil || len(hash) != request.HashSize {
		wire.WriteProblem(w, http.StatusBadRequest, wire.ReasonMalformed)
		return
	}
	if err := h.o.Parts.Create(r.Context(), desk, id, size, hash); err != nil {
		h.refuse(w, err)
		return
	}
	w.Header().Set("Location", wire.UploadPath(id))
	w.WriteHeader(http.StatusCreated)
}

// head says how much of an upload is there. It ends a PATCH that another
// connection still holds: that connection is dead, or its desk would not ask.
func (h *handler) head(w http.ResponseWriter, r *http.Request, desk, id string) {
	release, err := h.locks.take(r.Context(), desk, id, nil)
	if err != nil {
		h.refuse(w, err)
		return
	}
	defer release()
	offset, size, err := h.o.Parts.Offset(r.Context(), desk, id)
	if err != nil {
		h.refuse(w, err)
		return
	}
	w.Header().Set(wire.HeaderTusOffset, strconv.FormatInt(offset, 10))
	w.Header().Set(wire.HeaderTusLength, strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)
}

// refuse answers an error.
func (h *handler) refuse(w http.ResponseWriter, err error) {
	p, ok := errors.AsType[wire.Problem](err)
	switch {
	case ok:
	case errors.Is(err, ErrUnknown):
		p = wire.Problem{Status: http.StatusNotFound, Code: wire.ReasonUnknown}
	case errors.Is(err, ErrConflict):
		p = wire.Problem{Status: http.StatusConflict, Code: wire.ReasonOtherBody}
	case errors.Is(err, ErrOffset):
		p = wire.Problem{Status: http.StatusConflict, Code: wire.ReasonOffset}
	case errors.Is(err, ErrTooMany):
		p = wire.Problem{Status: http.StatusTooManyRequests, Code: wire.ReasonUnavailable}
	case errors.Is(err, errLocked):
		p = wire.Problem{Status: http.StatusLocked, Code: wire.ReasonLocked}
	default:
		h.o.Log.Error("upload not served", "error", err)
		p = wire.Problem{Status: http.StatusServiceUnavailable, Code: wire.ReasonUnavailable}
	}
	wire.WriteProblem(w, p.Status, p.Code)
}
