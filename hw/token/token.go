// Package token is an officer's signature token behind PKCS#11 (OASIS PKCS #11
// v2.40): a smart card, a USB token or an HSM, whatever its maker's library
// drives. It calls that C library, so it belongs into a worker process.
//
// While nobody is logged in the library is loaded for each question and let go
// again: a token that was changed is seen, and no session outlives its use.
// [Token.Login] keeps it until [Token.Logout].
package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ThalesGroup/crypto11"
	"github.com/miekg/pkcs11"

	"github.com/enrold/enrold/internal/eid"
)

const (
	sessions    = 3                // one of them keeps the login
	sessionWait = 20 * time.Second // for a free one
	rsaBits     = 2048             // Circular 15/2025/TT-BKHCN asks for no less
)

// Algorithm of a key, by its COSE name.
type Algorithm string

const (
	ES256 Algorithm = "ES256" // ECDSA P-256 with SHA-256
	PS256 Algorithm = "PS256" // RSASSA-PSS, RSA 2048 with SHA-256
)

// Options name the token and the key in it.
type Options struct {
	Module string // path of the PKCS#11 library
	Token  string // label of the token
	Label  string // label of the key pair
}

// Token is one officer's token. Its methods may be called from any goroutine;
// they take turns.
type Token struct {
	opts Options

	mu    sync.Mutex
	login *crypto11.Context // nil while nobody is logged in
	key   crypto.Signer     // of the login
}

// New returns the token that o names. It touches no library yet.
func New(o Options) *Token { return &Token{opts: o} }

// State is what the screen shows. It asks for no PIN.
func (t *Token) State() (State, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state()
}

func (t *Token) state() (State, error) {
	s, err := t.read()
	if err != nil {
		// Whoever was logged in is not any more: the token went.
		return s, errors.Join(err, t.logout())
	}
	s.LoggedIn = t.login != nil
	if t.key != nil {
		if s.Key, err = x509.MarshalPKIXPublicKey(t.key.Public()); err != nil {
			return s, eid.Fail(eid.CodeToken, "read token", err)
		}
	}
	return s, nil
}

// read asks the library for the token's flags. During a login the library is
// initialized already; C_Initialize is once a process.
func (t *Token) read() (State, error) {
	const op = "read token"
	p := pkcs11.New(t.opts.Module)
	if p == nil {
		return State{}, eid.Fail(eid.CodeTokenAbsent, op, errors.New("the PKCS#11 library cannot be loaded"))
	}
	defer p.Destroy()
	if t.login == nil {
		if err := p.Initialize(); err != nil {
			return State{}, fail(op, err)
		}
		defer func() { _ = p.Finalize() }()
	}
	slots, err := p.GetSlotList(true)
	if err != nil {
		return State{}, fail(op, err)
	}
	for _, slot := range slots {
		info, err := p.GetTokenInfo(slot)
		if err != nil {
			continue // another reader's trouble
		}
		if strings.TrimRight(info.Label, " \x00") == t.opts.Token {
			return stateOf(info), nil
		}
	}
	return State{}, eid.Fail(eid.CodeTokenAbsent, op, fmt.Errorf("%d tokens, none with the configured label", len(slots)))
}

// Login unlocks the token. A PIN that may be the last try is not tried unless
// lastTry says that the officer knows; the failure's code says how many wrong
// ones are left, as far as the token tells.
func (t *Token) Login(pin string, lastTry bool) (State, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.state()
	if err != nil || s.LoggedIn {
		return s, err
	}
	if err := s.PIN.mayTry(lastTry); err != nil {
		return s, err
	}
	return t.unlock(pin)
}

// Confirm has the officer prove at this moment that he is there, by the PIN of a
// token that may well be unlocked. PKCS #11 has no other question for it: the
// token is locked and unlocked again, so a wrong PIN leaves it locked.
func (t *Token) Confirm(pin string, lastTry bool) (State, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.state()
	if err != nil {
		return s, err
	}
	if err := s.PIN.mayTry(lastTry); err != nil {
		return s, err
	}
	if err := t.logout(); err != nil {
		return s, fail(opUnlock, err)
	}
	return t.unlock(pin)
}

const opUnlock = "unlock token"

// mayTry says whether a PIN may be tried at all.
func (p PIN) mayTry(lastTry bool) error {
	switch {
	case p == PINLocked:
		return eid.Fail(eid.CodePINLocked, opUnlock, nil)
	case p == PINFinal && !lastTry:
		return eid.Fail(eid.CodePINFinal, opUnlock, errors.New("not tried"))
	}
	return nil
}

func (t *Token) unlock(pin string) (s State, err error) {
	if err := t.open(pin); err != nil {
		if code := eid.CodeOf(err); code != eid.CodePINWrong {
			return s, err
		}
		if s, err = t.state(); err != nil {
			return s, err
		}
		return s, eid.Fail(s.PIN.failure(), opUnlock, nil)
	}
	s, err = t.state()
	if err == nil && t.key == nil {
		err = eid.Fail(eid.CodeTokenKey, opUnlock, errors.New("no key pair with the configured label"))
	}
	return s, err
}

// open logs in and finds the key. A token without our key stays open, for
// [Token.CreateKey].
func (t *Token) open(pin string) error {
	const op = opUnlock
	conf := &crypto11.Config{
		Path: t.opts.Module, TokenLabel: t.opts.Token, Pin: pin, MaxSessions: sessions, PoolWaitTimeout: sessionWait,
	}
	login, err := crypto11.Configure(conf)
	conf.Pin = "" // the library keeps conf
	if err != nil {
		return fail(op, err)
	}
	t.login = login
	pairs, err := login.FindKeyPairs(nil, []byte(t.opts.Label))
	if err != nil {
		return errors.Join(fail(op, err), t.logout())
	}
	if len(pairs) > 1 {
		return errors.Join(eid.Fail(eid.CodeTokenKey, op, fmt.Errorf("%d key pairs with the configured label", len(pairs))), t.logout())
	}
	if len(pairs) == 1 {
		if _, err := AlgorithmOf(pairs[0].Public()); err != nil {
			return errors.Join(eid.Fail(eid.CodeTokenKey, op, err), t.logout())
		}
		t.key = pairs[0]
	}
	return nil
}

// Logout locks the token: at the end of a shift, and always before the process ends.
func (t *Token) Logout() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.logout()
}

func (t *Token) logout() error {
	if t.login == nil {
		return nil
	}
	err := t.login.Close() // closes the sessions, which logs out (PKCS #11 v2.40 §5.6), and finalizes the library
	t.login, t.key = nil, nil
	return err
}

// CreateKey makes the key pair of the configured label in an unlocked token.
func (t *Token) CreateKey(alg Algorithm) (crypto.PublicKey, error) {
	const op = "make token key"
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.login == nil:
		return nil, eid.Fail(eid.CodePINNeeded, op, nil)
	case t.key != nil:
		return nil, eid.Fail(eid.CodeTokenKey, op, errors.New("the token has the key already"))
	}
	id := []byte(t.opts.Label)
	var err error
	switch alg {
	case ES256:
		t.key, err = t.login.GenerateECDSAKeyPairWithLabel(id, id, elliptic.P256())
	case PS256:
		t.key, err = t.login.GenerateRSAKeyPairWithLabel(id, id, rsaBits)
	default:
		return nil, eid.Fail(eid.CodeTokenKey, op, fmt.Errorf("no algorithm %q", alg))
	}
	if err != nil {
		t.key = nil
		return nil, fail(op, err)
	}
	return t.key.Public(), nil
}

// Sign signs a SHA-256 digest by the key of an unlocked token: ASN.1 for
// ECDSA, RSASSA-PSS with a salt of 32 bytes for RSA.
func (t *Token) Sign(random io.Reader, digest []byte) ([]byte, error) {
	const op = "sign with token"
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(digest) != crypto.SHA256.Size() {
		return nil, eid.Fail(eid.CodeToken, op, errors.New("want a SHA-256 digest"))
	}
	if t.login == nil {
		return nil, eid.Fail(eid.CodePINNeeded, op, nil)
	}
	if t.key == nil {
		return nil, eid.Fail(eid.CodeTokenKey, op, nil)
	}
	opts := crypto.SignerOpts(crypto.SHA256)
	if _, isRSA := t.key.Public().(*rsa.PublicKey); isRSA {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	signature, err := t.key.Sign(random, digest, opts)
	if err != nil {
		err = fail(op, err)
		if code := eid.CodeOf(err); code == eid.CodePINNeeded || code == eid.CodeTokenAbsent {
			err = errors.Join(err, t.logout()) // what the library thinks open is not
		}
		return nil, err
	}
	return signature, nil
}

// AlgorithmOf is what a key of this kind signs with.
func AlgorithmOf(pub crypto.PublicKey) (Algorithm, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return ES256, nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() >= rsaBits {
			return PS256, nil
		}
	}
	return "", errors.New("the key is neither ECDSA P-256 nor RSA of 2048 bits or more")
}
