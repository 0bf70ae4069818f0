package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker/token"
	"github.com/enrold/enrold/queue/request"
)

// signWithin bounds one signature of a token: a card may think for seconds.
const signWithin = 15 * time.Second

// Officer is the key in the officer's token. It signs from Unlock to Lock.
type Officer struct {
	token *token.Client

	mu     sync.Mutex
	public crypto.PublicKey // of the last unlock
}

// NewOfficer returns the officer behind the token worker.
func NewOfficer(c *token.Client) *Officer { return &Officer{token: c} }

// Token tells how the token stands.
func (o *Officer) Token(ctx context.Context) (token.State, error) {
	s, err := o.token.State(ctx)
	if err != nil {
		return s, err
	}
	return s, o.remember(s)
}

// Unlock opens the token by its PIN; see [token.Client.Login].
func (o *Officer) Unlock(ctx context.Context, pin eid.Private, lastTry bool) (token.State, error) {
	s, err := o.token.Login(ctx, pin, lastTry)
	return s, errors.Join(err, o.remember(s))
}

// Confirm has the officer enter the PIN again for one decision; a wrong PIN
// leaves the token locked.
func (o *Officer) Confirm(ctx context.Context, pin eid.Private, lastTry bool) (token.State, error) {
	s, err := o.token.Confirm(ctx, pin, lastTry)
	return s, errors.Join(err, o.remember(s))
}

// Lock ends the officer's shift.
func (o *Officer) Lock(ctx context.Context) error {
	err := o.token.Logout(ctx)
	return errors.Join(err, o.remember(token.State{}))
}

// CreateKey makes the officer's key in an unlocked token.
func (o *Officer) CreateKey(ctx context.Context, algorithm string) error {
	s, err := o.token.CreateKey(ctx, algorithm)
	if err != nil {
		return err
	}
	return o.remember(s)
}

// Ready says whether a request can be signed now: E-PIN-NEEDED, E-TOKEN-ABSENT.
func (o *Officer) Ready(ctx context.Context) error {
	const op = "ask officer's token"
	s, err := o.Token(ctx)
	switch {
	case err != nil:
		return err
	case !s.LoggedIn:
		return eid.Fail(eid.CodePINNeeded, op, nil)
	case o.Public() == nil:
		return eid.Fail(eid.CodeTokenKey, op, nil)
	}
	return nil
}

func (o *Officer) remember(s token.State) error {
	var pub crypto.PublicKey
	if len(s.Key) > 0 {
		var err error
		if pub, err = x509.ParsePKIXPublicKey(s.Key); err != nil {
			return eid.Fail(eid.CodeTokenKey, "read officer's key", err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.public = pub
	return nil
}

// Public is nil while the token is locked.
func (o *Officer) Public() crypto.PublicKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.public
}

// Sign signs a SHA-256 digest with the algorithm of the key.
func (o *Officer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "sign with officer's token"
	if opts != nil && opts.HashFunc() != crypto.SHA256 { // COSE libraries give none for ECDSA
		return nil, eid.Fail(eid.CodeToken, op, errors.New("want a SHA-256 digest"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), signWithin) // crypto.Signer has no context
	defer cancel()
	return o.token.Sign(ctx, digest)
}

// Origin is KeyToken.
func (o *Officer) Origin() request.KeyOrigin { return request.KeyToken }

// Algorithm is the key's; "" while the token is locked.
func (o *Officer) Algorithm() request.Algorithm {
	alg, err := request.AlgorithmFor(o.Public())
	if err != nil {
		return ""
	}
	return alg
}
