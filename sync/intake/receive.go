package intake

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// refusal is a reason with its HTTP status.
type refusal struct {
	status int
	reason wire.Reason
}

func (r refusal) Error() string { return string(r.reason) }

func refuse(status int, reason wire.Reason) error { return refusal{status, reason} }

// AsRefusal says whether err is the intake's refusal of a desk or a request,
// and returns it as the wire gives it.
func AsRefusal(err error) (wire.Problem, bool) {
	r, ok := errors.AsType[refusal](err)
	return wire.Problem{Status: r.status, Code: r.reason}, ok
}

// Answer sends what err says: a refusal as it is, anything else as "try again".
func (in *Intake) Answer(w http.ResponseWriter, err error) {
	p, ok := AsRefusal(err)
	if !ok {
		p = wire.Problem{Status: http.StatusServiceUnavailable, Code: wire.ReasonUnavailable}
		in.o.Log.Error("request not served", "error", err)
	}
	wire.WriteProblem(w, p.Status, p.Code)
}

// Caller returns the registered desk behind a connection's client certificate.
// The first use of a renewed certificate ends the older ones.
func (in *Intake) Caller(r *http.Request) (Desk, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return Desk{}, refuse(http.StatusForbidden, wire.ReasonUnknownDesk)
	}
	certificate := request.Hash(r.TLS.PeerCertificates[0].Raw)
	d, err := in.o.Vault.DeskOf(r.Context(), certificate)
	if errors.Is(err, vault.ErrUnknown) {
		return Desk{}, refuse(http.StatusForbidden, wire.ReasonUnknownDesk)
	}
	if err == nil && d.Older(certificate) {
		in.supersede(r.Context(), d, certificate)
	}
	return d, err
}

// supersede ends a desk's older certificates. That it cannot now is no reason to
// turn the desk away: its next call tries again.
func (in *Intake) supersede(ctx context.Context, d Desk, certificate []byte) {
	n, err := in.o.Vault.Supersede(ctx, d.ID, certificate, time.Now())
	if err != nil {
		in.o.Log.Error("older certificates not revoked", "desk", d.ID, "error", err)
	} else if n > 0 {
		in.o.Log.Info("desk uses its renewed certificate", "desk", d.ID, "revoked", n)
	}
}

// Desk returns a registered desk that is not revoked: for what comes without a
// connection of its own (a USB bundle).
func (in *Intake) Desk(ctx context.Context, id string) (Desk, error) {
	d, err := in.o.Vault.Desk(ctx, id)
	if errors.Is(err, vault.ErrUnknown) || err == nil && !d.Revoked.IsZero() {
		return Desk{}, refuse(http.StatusForbidden, wire.ReasonUnknownDesk)
	}
	return d, err
}

func (in *Intake) receive(w http.ResponseWriter, r *http.Request) {
	desk, err := in.Caller(r)
	if err != nil {
		in.Answer(w, err)
		return
	}
	size := int64(wire.MaxRequest) // unknown: the worst
	if r.ContentLength >= 0 {
		size = min(r.ContentLength, size)
	}
	if err := in.bodies.Acquire(r.Context(), size); err != nil {
		in.Answer(w, err)
		return
	}
	defer in.bodies.Release(size)
	sealed, err := read(w, r)
	if err != nil {
		in.Answer(w, err)
		return
	}
	receipt, fresh, err := in.Accept(r.Context(), desk, r.PathValue("id"), sealed)
	if err != nil {
		in.Answer(w, err)
		return
	}
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	send(w, status, receipt)
}

// read returns the body, whose digest is right.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var buf bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= wire.MaxRequest {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, wire.MaxRequest))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, refuse(http.StatusRequestEntityTooLarge, wire.ReasonTooLarge)
	}
	if err != nil {
		return nil, refuse(http.StatusRequestTimeout, wire.ReasonUnavailable) // cut off: the desk tries again
	}
	if wire.CheckDigest(r.Header.Get(wire.DigestHeader), buf.Bytes()) != nil {
		return nil, refuse(http.StatusBadRequest, wire.ReasonDigest)
	}
	return buf.Bytes(), nil
}

// Accept is the one door for a request, however it came: by network, resumable
// upload, USB bundle or OSIA. It checks, verifies and stores the sealed bytes as
// request id of desk and returns the signed receipt; the same bytes again give
// the same receipt with fresh false. A refusal is an error of [AsRefusal]; any
// other error means "try again".
func (in *Intake) Accept(ctx context.Context, desk Desk, id string, sealed []byte) (receipt []byte, fresh bool, err error) {
	receipt, fresh, err = in.accept(ctx, desk, id, sealed)
	if why, ok := AsRefusal(err); ok {
		in.o.Log.Warn("request refused", "desk", desk.ID, "reason", why.Code)
	}
	if fresh {
		in.wakeDecider()
	}
	if receipt != nil {
		// It may have been announced, and come another way: an upload that nobody
		// finishes would count as open.
		if err := in.o.Parts.Drop(ctx, desk.ID, id); err != nil {
			in.o.Log.Error("upload of a received request not dropped", "error", err) // the next announcement or the sweep takes it
		}
	}
	return receipt, fresh, err
}

func (in *Intake) accept(ctx context.Context, desk Desk, id string, sealed []byte) (receipt []byte, fresh bool, err error) {
	if request.CheckID(id) != nil {
		return nil, false, refuse(http.StatusBadRequest, wire.ReasonMalformed)
	}
	if len(sealed) > wire.MaxRequest {
		return nil, false, refuse(http.StatusRequestEntityTooLarge, wire.ReasonTooLarge)
	}
	hash := request.Hash(sealed)
	if receipt, err := in.known(ctx, desk.ID, id, hash); receipt != nil || err != nil {
		return receipt, false, err
	}
	select {
	case in.slots <- struct{}{}:
		defer func() { <-in.slots }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	body, err := in.unseal(desk, id, sealed)
	if err != nil {
		return nil, false, err
	}
	return in.keep(ctx, body, sealed, hash)
}

// known returns the receipt of a request that is already stored, nil when it is
// not, and a refusal when other bytes are stored under its id.
func (in *Intake) known(ctx context.Context, desk, id string, hash []byte) ([]byte, error) {
	r, err := in.o.Vault.Request(ctx, id)
	if errors.Is(err, vault.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return same(r, desk, hash)
}

// same returns the receipt of a stored request for a sender of these bytes.
func same(r vault.Request, desk string, hash []byte) ([]byte, error) {
	if r.Ident.Desk != desk || !bytes.Equal(r.Hash, hash) {
		return nil, refuse(http.StatusConflict, wire.ReasonOtherBody)
	}
	return r.Receipt, nil
}

// keep makes the bytes durable and returns the receipt. Since known was asked,
// the same request may have come on another connection, or to another process:
// the vault's transaction decides.
func (in *Intake) keep(ctx context.Context, body request.Body, sealed, hash []byte) (receipt []byte, fresh bool, err error) {
	// Millisecond precision: what is signed is what is stored.
	now := time.UnixMilli(time.Now().UnixMilli())
	r := vault.Request{
		Ident: request.Ident{Desk: body.DeskID, Request: body.Request.ID, Seq: body.Seq}, Hash: hash, Previous: body.Previous, Received: now,
		// The hash in the name keeps two bodies of one id apart until one has won.
		Payload: body.Request.ID + "-" + hex.EncodeToString(hash[:8]),
	}
	if r.Receipt, err = wire.SignStatement(in.o.Receipt, wire.NewReceipt(r.Ident, hash, now)); err != nil {
		return nil, false, err
	}
	if err := in.o.Payloads.Put(ctx, r.Payload, sealed); err != nil {
		return nil, false, err
	}
	first, fresh, err := in.o.Vault.Add(ctx, r)
	if err == nil && fresh {
		return r.Receipt, true, nil
	}
	if err == nil {
		if receipt, err = same(first, body.DeskID, hash); err == nil {
			return receipt, false, nil // the twin was faster; its payload is the same
		}
	}
	reason := wire.ReasonOtherBody
	switch {
	case errors.Is(err, vault.ErrOtherSeq):
		reason = wire.ReasonOtherSeq
	case errors.Is(err, vault.ErrChain):
		reason = wire.ReasonChain
	default:
		if _, refused := AsRefusal(err); !refused {
			return nil, false, err // unknown whether it is stored: a later sweep looks
		}
	}
	// Refused for good, and rows are never removed: no process can have stored a
	// row that names this payload. What cannot be removed now the sweep removes.
	if err := in.o.Payloads.Remove(ctx, r.Payload); err != nil {
		in.o.Log.Warn("refused payload not removed", "error", err)
	}
	if reason != wire.ReasonOtherBody {
		err = in.o.Vault.Raise(ctx, vault.Alarm{
			Desk: r.Ident.Desk, Code: vault.AlarmChain, At: now,
			Detail: fmt.Sprintf("%s seq=%d id=%s", reason, r.Ident.Seq, r.Ident.Request),
		})
		if err != nil {
			return nil, false, err
		}
	}
	return nil, false, refuse(http.StatusConflict, reason)
}

func send(w http.ResponseWriter, status int, statement []byte) {
	w.Header().Set("Content-Type", wire.TypeStatement)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A failed write is the desk's to notice: it asks again.
	_, _ = w.Write(statement) //nolint:gosec // CBOR under its own media type, never shown by a browser
}
