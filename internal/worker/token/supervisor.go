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

// The supervisors' tokens have a room of their own: a PKCS#11 library belongs to
// one process with all its logins, and letting go of a supervisor's token must
// not end the officer's shift.

// The signature of a supervisor is one call: unlock, sign, lock. His token is
// never left open at another one's desk.
const methodApprove = "approve"

type approveCall struct {
	Token   string      `cbor:"token"` // label
	PIN     eid.Private `cbor:"pin"`
	LastTry bool        `cbor:"last_try"`
	Digest  []byte      `cbor:"digest,omitempty"` // SHA-256; none to learn the key only
	// Create makes the key by this algorithm where the token has none.
	Create token.Algorithm `cbor:"create,omitempty"`
}

type approveResult struct {
	Key       []byte   `cbor:"key"` // SubjectPublicKeyInfo
	Signature []byte   `cbor:"signature,omitempty"`
	Failure   eid.Code `cbor:"failure,omitempty"`
}

// SupervisorHandlers serves the tokens of supervisors, which calls name.
func SupervisorHandlers(cfg config.Config, log *slog.Logger) (map[string]worker.Handler, func() error, error) {
	r := &supervisorRoom{cfg: cfg.Keys, log: log}
	return map[string]worker.Handler{methodApprove: r.approve}, func() error { return nil }, nil
}

type supervisorRoom struct {
	cfg config.Keys
	log *slog.Logger
}

func (r *supervisorRoom) approve(_ context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	var call approveCall
	if err := cbor.Unmarshal(in, &call); err != nil {
		// The decoder's text may quote the PIN.
		return nil, eid.Fail(eid.CodeInternal, "use supervisor's token", errors.New("malformed call"))
	}
	out, err := r.use(call)
	if err != nil {
		r.log.Warn("supervisor's token not used", "code", eid.CodeOf(err))
		return approveResult{Failure: eid.CodeOf(err)}, nil
	}
	return out, nil
}

func (r *supervisorRoom) use(call approveCall) (out approveResult, err error) {
	t := token.New(token.Options{Module: r.cfg.Module, Token: call.Token, Label: r.cfg.Label})
	defer func() { err = errors.Join(err, t.Logout()) }()
	state, err := t.Login(call.PIN.Reveal(), call.LastTry)
	if eid.CodeOf(err) == eid.CodeTokenKey && call.Create != "" {
		if _, err = t.CreateKey(call.Create); err == nil {
			state, err = t.State()
		}
	}
	if err != nil {
		return out, err
	}
	out.Key = state.Key
	if len(call.Digest) > 0 {
		out.Signature, err = t.Sign(rand.Reader, call.Digest)
	}
	return out, err
}

// SupervisorClient is the daemon's side of the supervisors' room.
type SupervisorClient struct{ worker Caller }

// NewSupervisorClient returns a client over c.
func NewSupervisorClient(c Caller) *SupervisorClient { return &SupervisorClient{worker: c} }

// Sign unlocks the token of that label, signs a SHA-256 digest and locks it
// again; the key is the SubjectPublicKeyInfo of what signed.
func (c *SupervisorClient) Sign(ctx context.Context, label string, pin eid.Private, lastTry bool, digest []byte) (signature, key []byte, err error) {
	out, err := c.call(ctx, approveCall{Token: label, PIN: pin, LastTry: lastTry, Digest: digest})
	return out.Signature, out.Key, err
}

// CreateKey returns the key of the token of that label, which is made when
// missing, by its COSE name.
func (c *SupervisorClient) CreateKey(ctx context.Context, label string, pin eid.Private, lastTry bool, algorithm string) (key []byte, err error) {
	out, err := c.call(ctx, approveCall{Token: label, PIN: pin, LastTry: lastTry, Create: token.Algorithm(algorithm)})
	return out.Key, err
}

func (c *SupervisorClient) call(ctx context.Context, in approveCall) (approveResult, error) {
	var out approveResult
	if err := c.worker.Call(ctx, methodApprove, in, &out, nil); err != nil {
		return out, err
	}
	if out.Failure != "" {
		return out, eid.Fail(out.Failure, "use supervisor's token", nil)
	}
	return out, nil
}
