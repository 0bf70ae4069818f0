package intake

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
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
func (in *Intake) Caller(r *http.Request) (Desk, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return Desk{}, refuse(http.StatusForbidden, wire.ReasonUnknownDesk)
	}
	d, err := in.desks.byCertificate(r.Context(), r.TLS.PeerCertificates[0])
	if errors.Is(err, errUnknownDesk) {
		return Desk{}, refuse(http.StatusForbidden, wire.ReasonUnknownDesk)
	}
	return d, err
}

// Desk returns a registered desk that is not revoked: for what comes without a
// connection of its own (a USB bundle).
func (in *Intake) Desk(ctx context.Context, id string) (Desk, error) {
	d, err := in.desks.desk(ctx, `id = ? AND revoked_at IS NULL`, id)
	if errors.Is(err, errUnknownDesk) {
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
	sealed, err := in.read(w, r)
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
func (in *Intake) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	sealed, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxRequest))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, refuse(http.StatusRequestEntityTooLarge, wire.ReasonTooLarge)
	}
	if err != nil {
		return nil, refuse(http.StatusRequestTimeout, wire.ReasonUnavailable) // cut off: the desk tries again
	}
	if wire.CheckDigest(r.Header.Get(wire.DigestHeader), sealed) != nil {
		return nil, refuse(http.StatusBadRequest, wire.ReasonDigest)
	}
	return sealed, nil
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
	if receipt, err := in.known(ctx, id, desk.ID, hash); receipt != nil || err != nil {
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
	return in.store(ctx, desk, body, sealed, hash)
}

// known returns the receipt of a request that is already stored, nil when it is
// not, and a refusal when other bytes are stored under its id.
func (in *Intake) known(ctx context.Context, id, deskID string, hash []byte) ([]byte, error) {
	var stored, receipt []byte
	var owner string
	err := in.db.Read.QueryRowContext(ctx, `SELECT desk_id, body_hash, receipt FROM request WHERE id = ?`, id).Scan(&owner, &stored, &receipt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find request: %w", err)
	}
	if owner != deskID || !bytes.Equal(stored, hash) {
		return nil, refuse(http.StatusConflict, wire.ReasonOtherBody)
	}
	return receipt, nil
}

// unseal opens and verifies the bytes as request id of desk.
func (in *Intake) unseal(desk Desk, id string, sealed []byte) (request.Body, error) {
	ident, err := request.ParseIdent(sealed)
	if err != nil || ident.Request != id || ident.Desk != desk.ID {
		return request.Body{}, refuse(http.StatusBadRequest, wire.ReasonMalformed)
	}
	body, by, err := request.Open(in.o.SealKey, desk, sealed)
	if errors.Is(err, request.ErrOtherKey) {
		return request.Body{}, refuse(http.StatusUnprocessableEntity, wire.ReasonOtherKey)
	}
	if err != nil {
		return request.Body{}, refuse(http.StatusUnprocessableEntity, wire.ReasonNotAuthentic)
	}
	if !in.o.AcceptEmulated && (softwareKey(by) || emulated(body)) {
		return request.Body{}, refuse(http.StatusUnprocessableEntity, wire.ReasonOrigin)
	}
	return body, nil
}

// softwareKey says whether any signature was made by a key in a file.
func softwareKey(by request.Signatures) bool {
	return by.Device.Origin == request.KeySoftware || by.Officer != nil && by.Officer.Origin == request.KeySoftware
}

// emulated says whether any part of the request did not come from a device.
func emulated(b request.Body) bool {
	chip := b.Request.Chip()
	other := chip == nil || chip.Origin != eid.OriginDevice
	for _, p := range b.Request.Portraits {
		other = other || p.Origin != eid.OriginDevice
	}
	for _, f := range b.Request.Fingers {
		other = other || f.Origin != eid.OriginDevice
	}
	return other
}

// store makes the bytes durable and returns the receipt. Between known and here
// the same request may have come on another connection: the transaction decides.
func (in *Intake) store(ctx context.Context, desk Desk, body request.Body, sealed, hash []byte) (receipt []byte, fresh bool, err error) {
	id := request.Ident{Desk: desk.ID, Request: body.Request.ID, Seq: body.Seq}
	now := time.Now()
	receipt, err = wire.SignStatement(in.o.Receipt, wire.NewReceipt(id, hash, now))
	if err != nil {
		return nil, false, err
	}
	// The hash in the name keeps two bodies of one id apart until one has won.
	name := id.Request + "-" + hex.EncodeToString(hash[:8])
	if err := store.WriteFile(in.payload, name, sealed); err != nil {
		return nil, false, err
	}
	if err := store.SyncDir(in.payload); err != nil {
		return nil, false, err
	}
	err = in.db.Write(func(tx store.Tx) error {
		if err := checkChain(tx, id, body.Previous, hash); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO request (id, desk_id, seq, body_hash, previous, payload, received_at, receipt)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			id.Request, id.Desk, id.Seq, hash, body.Previous, name, now.UnixMilli(), receipt)
		fresh = n == 1
		return err
	})
	if err == nil && fresh {
		return receipt, true, nil
	}
	first, lookup := in.known(ctx, id.Request, id.Desk, hash)
	if lookup == nil && first != nil {
		return first, false, nil // the twin was faster; the file is the same
	}
	if why, ok := errors.AsType[refusal](errors.Join(err, lookup)); ok {
		// No row names the file; if this fails the next sweep removes it.
		return nil, false, errors.Join(why, os.Remove(filepath.Join(in.payload, name)))
	}
	return nil, false, errors.Join(err, lookup)
}

// checkChain refuses a number that another request has, and neighbours that do
// not chain: signs of a desk that was copied or rolled back. Missing
// neighbours are no fault: requests arrive in the order of their deadlines.
func checkChain(tx store.Tx, id request.Ident, previous, hash []byte) error {
	var other string
	err := tx.Row(`SELECT id FROM request WHERE desk_id = ? AND seq = ? AND id <> ?`, id.Desk, id.Seq, id.Request).Scan(&other)
	if err == nil {
		return refuse(http.StatusConflict, wire.ReasonOtherSeq)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var before, after []byte
	err = tx.Row(`SELECT
		coalesce((SELECT body_hash FROM request WHERE desk_id = ?1 AND seq = ?2 - 1), ?3),
		coalesce((SELECT previous FROM request WHERE desk_id = ?1 AND seq = ?2 + 1), ?4)`,
		id.Desk, id.Seq, previous, hash).Scan(&before, &after)
	if err != nil {
		return err
	}
	if id.Seq == 1 {
		before = make([]byte, request.HashSize)
	}
	if !bytes.Equal(before, previous) || !bytes.Equal(after, hash) {
		return refuse(http.StatusConflict, wire.ReasonChain)
	}
	return nil
}

func send(w http.ResponseWriter, status int, statement []byte) {
	w.Header().Set("Content-Type", wire.TypeStatement)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A failed write is the desk's to notice: it asks again.
	_, _ = w.Write(statement)
}
