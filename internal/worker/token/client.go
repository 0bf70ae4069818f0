package token

import (
	"context"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/hw/token"
	"github.com/enrold/enrold/internal/eid"
)

// Caller reaches the worker process; *worker.Handle is one.
type Caller interface {
	Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error
}

// State of the token; see package hw/token.
type State = token.State

// PINLocked is the state in which no PIN helps.
const PINLocked = token.PINLocked

// Client is the daemon's side of the room.
type Client struct{ worker Caller }

// NewClient returns a client over c.
func NewClient(c Caller) *Client { return &Client{worker: c} }

// State asks how the token stands. E-TOKEN-ABSENT: it is not there.
func (c *Client) State(ctx context.Context) (State, error) {
	var out State
	err := c.worker.Call(ctx, methodState, struct{}{}, &out, nil)
	return out, err
}

// Login unlocks the token until Logout. With an E-PIN code the state says how
// the PIN stands now; lastTry allows the try that may lock the token.
func (c *Client) Login(ctx context.Context, pin eid.Private, lastTry bool) (State, error) {
	return c.login(ctx, loginCall{PIN: pin, LastTry: lastTry})
}

// Confirm asks for the PIN although the token may be unlocked; a wrong one leaves
// it locked.
func (c *Client) Confirm(ctx context.Context, pin eid.Private, lastTry bool) (State, error) {
	return c.login(ctx, loginCall{PIN: pin, LastTry: lastTry, Again: true})
}

func (c *Client) login(ctx context.Context, in loginCall) (State, error) {
	var out loginResult
	if err := c.worker.Call(ctx, methodLogin, in, &out, nil); err != nil {
		return State{}, err
	}
	if out.Failure != "" {
		return out.State, eid.Fail(out.Failure, "unlock token", nil)
	}
	return out.State, nil
}

// Logout locks the token.
func (c *Client) Logout(ctx context.Context) error {
	return c.worker.Call(ctx, methodLogout, struct{}{}, nil, nil)
}

// Sign signs a SHA-256 digest by the officer's key.
func (c *Client) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	var out []byte
	err := c.worker.Call(ctx, methodSign, signCall{Digest: digest}, &out, nil)
	return out, err
}

// CreateKey makes the officer's key in an unlocked token, by its COSE name.
func (c *Client) CreateKey(ctx context.Context, algorithm string) (State, error) {
	var out State
	err := c.worker.Call(ctx, methodCreate, createCall{Algorithm: token.Algorithm(algorithm)}, &out, nil)
	return out, err
}
