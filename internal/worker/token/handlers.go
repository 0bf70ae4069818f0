// Package token is the worker room of the officer's signature token: PKCS#11
// libraries are their makers' C code. What the child process serves, and the
// daemon's typed client of it.
package token

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/hw/token"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker"
)

// Methods of the worker.
const (
	methodState  = "state"
	methodLogin  = "login"
	methodLogout = "logout"
	methodSign   = "sign"
	methodCreate = "create"
)

type loginCall struct {
	PIN     eid.Private `cbor:"pin"`
	LastTry bool        `cbor:"last_try"`
	// Again asks for the PIN of a token that is unlocked already.
	Again bool `cbor:"again,omitempty"`
}

// loginResult carries the token's state beside the failure: the screen shows
// how many tries are left.
type loginResult struct {
	State   token.State `cbor:"state"`
	Failure eid.Code    `cbor:"failure,omitempty"`
}

type signCall struct {
	Digest []byte `cbor:"digest"` // SHA-256
}

type createCall struct {
	Algorithm token.Algorithm `cbor:"algorithm"`
}

// Handlers serves the token that cfg names. close logs out.
func Handlers(cfg config.Config, log *slog.Logger) (map[string]worker.Handler, func() error, error) {
	r := &room{log: log, token: token.New(token.Options{Module: cfg.Keys.Module, Token: cfg.Keys.Token, Label: cfg.Keys.Label})}
	handlers := map[string]worker.Handler{
		methodState:  func(context.Context, cbor.RawMessage, func(any) error) (any, error) { return r.token.State() },
		methodLogin:  r.login,
		methodLogout: func(context.Context, cbor.RawMessage, func(any) error) (any, error) { return nil, r.token.Logout() },
		methodSign:   r.sign,
		methodCreate: r.create,
	}
	return handlers, r.token.Logout, nil
}

type room struct {
	log   *slog.Logger
	token *token.Token
}

func (r *room) login(_ context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	const op = "unlock token"
	var call loginCall
	if err := cbor.Unmarshal(in, &call); err != nil {
		// The decoder's text may quote the PIN.
		return nil, eid.Fail(eid.CodeInternal, op, errors.New("malformed call"))
	}
	unlock := r.token.Login
	if call.Again {
		unlock = r.token.Confirm
	}
	state, err := unlock(call.PIN.Reveal(), call.LastTry)
	switch code := eid.CodeOf(err); {
	case err == nil:
		r.log.Info("token unlocked")
		return loginResult{State: state}, nil
	case state.Label != "": // the token is there and says how it stands
		r.log.Warn("token not unlocked", "code", code, "pin", state.PIN)
		return loginResult{State: state, Failure: code}, nil
	}
	return nil, err
}

func (r *room) sign(_ context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	var call signCall
	if err := cbor.Unmarshal(in, &call); err != nil {
		return nil, eid.Fail(eid.CodeInternal, "sign with token", err)
	}
	return r.token.Sign(rand.Reader, call.Digest)
}

func (r *room) create(_ context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	var call createCall
	if err := cbor.Unmarshal(in, &call); err != nil {
		return nil, eid.Fail(eid.CodeInternal, "make token key", err)
	}
	if _, err := r.token.CreateKey(call.Algorithm); err != nil {
		return nil, err
	}
	return r.token.State()
}
