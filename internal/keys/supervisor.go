package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/enrold/enrold/internal/approval"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/worker/token"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// Supervisors are the keys of those who may allow an exception at a desk. Like
// the officer's they are in tokens; at a desk for tests and pilots they are
// files under a PIN. DATA/supervisors/ID.pem keeps the public key that was made
// for each, so that another token of the same name proves nothing.
type Supervisors struct {
	cfg     config.Config
	tokens  *token.SupervisorClient // nil in software
	officer func() crypto.PublicKey // may be nil, and give nil
}

// NewSupervisors returns the supervisors of a desk. tokens may be nil where the
// configuration places the officer's key in software; officer gives the officer's
// key, which may not approve.
func NewSupervisors(cfg config.Config, tokens *token.SupervisorClient, officer func() crypto.PublicKey) *Supervisors {
	return &Supervisors{cfg: cfg, tokens: tokens, officer: officer}
}

func (s *Supervisors) dir() string { return filepath.Join(s.cfg.Desk.Data, "supervisors") }

// Approve implements station.Approver: the supervisor's PIN unlocks his key for
// this one signature.
func (s *Supervisors) Approve(ctx context.Context, by station.Supervisor, visitID string, x eid.Exception) (eid.Blob, error) {
	const op = "approve exception"
	key, err := s.key(ctx, by)
	if err != nil {
		return nil, err
	}
	if s.isOfficer(key.Public()) {
		return nil, eid.Fail(eid.CodeSupervisor, op, errors.New("the supervisor's key is the officer's"))
	}
	of := approval.Subject{Desk: s.cfg.Desk.ID, Request: visitID, Officer: s.cfg.Desk.Officer}
	signed, err := approval.Sign(key, of, x)
	if err == nil {
		x.Approval = signed
		err = approval.Verify(key.Public(), of, x)
	}
	if _, coded := errors.AsType[*eid.Error](err); err != nil && !coded {
		err = eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	return signed, err
}

func (s *Supervisors) isOfficer(key crypto.PublicKey) bool {
	if s.officer == nil {
		return false
	}
	officers := s.officer()
	if officers == nil {
		return false
	}
	a, errA := request.KeyID(officers)
	b, errB := request.KeyID(key)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// key is the key that was made for a supervisor, unlocked by the PIN: a file at
// once, a token when it signs.
func (s *Supervisors) key(ctx context.Context, by station.Supervisor) (request.Signer, error) {
	const op = "find supervisor's key"
	if err := request.CheckDesk(by.ID); err != nil { // it names files
		return nil, eid.Fail(eid.CodeSupervisor, op, err)
	}
	text, err := readPEM(filepath.Join(s.dir(), by.ID+".pem"))
	if err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, errors.New("not a PEM public key"))
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	if s.tokens == nil {
		return openPINKey(filepath.Join(s.dir(), by.ID+".key"), by.PIN, by.LastTry)
	}
	return &supervisorToken{ctx: ctx, s: s, by: by, public: public, spki: block.Bytes}, nil
}

// Create makes a supervisor's key, or finds it in the token, and remembers its
// public half as the desk's word of who he is.
func (s *Supervisors) Create(ctx context.Context, by station.Supervisor) (request.Signer, error) {
	const op = "make supervisor's key"
	if err := request.CheckDesk(by.ID); err != nil {
		return nil, eid.Fail(eid.CodeSupervisor, op, err)
	}
	if err := os.MkdirAll(s.dir(), 0o700); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	spki, err := s.create(ctx, by)
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	if s.isOfficer(public) {
		return nil, eid.Fail(eid.CodeSupervisor, op, errors.New("the key is the officer's: a supervisor has his own"))
	}
	if err := replace(filepath.Join(s.dir(), by.ID+".pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return s.key(ctx, by)
}

func (s *Supervisors) create(ctx context.Context, by station.Supervisor) (spki []byte, err error) {
	if s.tokens != nil {
		return s.tokens.CreateKey(ctx, s.cfg.SupervisorToken(by.ID), by.PIN, by.LastTry, s.cfg.Keys.Algorithm)
	}
	path := filepath.Join(s.dir(), by.ID+".key")
	key, err := openPINKey(path, by.PIN, by.LastTry)
	if errors.Is(err, os.ErrNotExist) {
		key, err = createPINKey(path, by.PIN)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(key.Public())
}

// Request writes the request by which the central takes a supervisor's key at
// this desk: the same as an officer's.
func (s *Supervisors) Request(ctx context.Context, d *Desk, by station.Supervisor) ([]byte, error) {
	if err := d.LoadDevice(ctx); err != nil {
		return nil, err
	}
	key, err := s.key(ctx, by)
	if err != nil {
		return nil, err
	}
	return enrolment.MakeOfficer(s.cfg.Desk.ID, by.ID, key, d.Device)
}

// supervisorToken is the key in a supervisor's token for one operation.
type supervisorToken struct {
	ctx    context.Context // crypto.Signer has none, and this lives for one call
	s      *Supervisors
	by     station.Supervisor
	public crypto.PublicKey
	spki   []byte
}

func (k *supervisorToken) Public() crypto.PublicKey { return k.public }

// Sign signs a SHA-256 digest by the key that was made for the supervisor.
func (k *supervisorToken) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "sign with supervisor's token"
	if opts != nil && opts.HashFunc() != crypto.SHA256 {
		return nil, eid.Fail(eid.CodeToken, op, errors.New("want a SHA-256 digest"))
	}
	ctx, cancel := context.WithTimeout(k.ctx, signWithin)
	defer cancel()
	signature, key, err := k.s.tokens.Sign(ctx, k.s.cfg.SupervisorToken(k.by.ID), k.by.PIN, k.by.LastTry, digest)
	if err == nil && !bytes.Equal(key, k.spki) {
		err = eid.Fail(eid.CodeSupervisorKey, op, errors.New("the token holds another key than the one made for him"))
	}
	return signature, err
}

// Origin is KeyToken.
func (k *supervisorToken) Origin() request.KeyOrigin { return request.KeyToken }

// Algorithm is the key's.
func (k *supervisorToken) Algorithm() request.Algorithm {
	alg, err := request.AlgorithmFor(k.public)
	if err != nil {
		return ""
	}
	return alg
}
