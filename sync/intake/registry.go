package intake

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
)

// Desk is one registered desk.
type Desk = vault.Desk

// Registry is how desks and officers become known to a central.
type Registry struct{ v vault.Vault }

// OpenRegistry opens the registry in dir, also beside a running intake.
func OpenRegistry(ctx context.Context, dir string) (*Registry, error) {
	v, err := sqlvault.OpenSQLite(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	return &Registry{v}, nil
}

// NewRegistry is the registry of a vault; Close closes the vault.
func NewRegistry(v vault.Vault) *Registry { return &Registry{v} }

// Close closes the vault.
func (r *Registry) Close() error { return r.v.Close() }

// Register adds a desk with its TLS certificate and device key, or one more of
// both to a desk that is known (renewal).
func (r *Registry) Register(ctx context.Context, id string, certificate *x509.Certificate, device crypto.PublicKey) error {
	return r.RegisterDesk(ctx, id, certificate, device, "")
}

// RegisterDesk is Register for a key whose origin the enrolment names.
func (r *Registry) RegisterDesk(ctx context.Context, id string, certificate *x509.Certificate, device crypto.PublicKey, origin request.KeyOrigin) error {
	if err := request.CheckDesk(id); err != nil {
		return fmt.Errorf("register desk: %w", err)
	}
	k, err := key(device, origin)
	if err != nil {
		return fmt.Errorf("register desk: %w", err)
	}
	c := vault.Certificate{SHA256: request.Hash(certificate.Raw), NotAfter: certificate.NotAfter, Registered: k.Registered}
	return r.v.Register(ctx, id, c, k)
}

// RegisterOfficer adds an officer's key to a desk.
func (r *Registry) RegisterOfficer(ctx context.Context, desk, officer string, public crypto.PublicKey, origin request.KeyOrigin) error {
	k, err := key(public, origin)
	if err != nil {
		return fmt.Errorf("register officer: %w", err)
	}
	return r.v.RegisterOfficer(ctx, desk, vault.Officer{Key: k, Name: officer})
}

func key(public crypto.PublicKey, origin request.KeyOrigin) (vault.Key, error) {
	if _, err := request.AlgorithmFor(public); err != nil {
		return vault.Key{}, err
	}
	kid, err := request.KeyID(public)
	return vault.Key{ID: kid, Public: public, Origin: origin, Registered: time.Now()}, err
}

// Revoke ends a desk's right to send; its certificates and keys stay revoked
// when the desk is registered again.
func (r *Registry) Revoke(ctx context.Context, id string) error {
	return r.v.Revoke(ctx, id, time.Now())
}

// RevokeOfficer ends an officer's key, by its id, at every desk.
func (r *Registry) RevokeOfficer(ctx context.Context, kid []byte) error {
	return r.v.RevokeOfficer(ctx, kid, time.Now())
}

// Desk returns one desk, revoked or not.
func (r *Registry) Desk(ctx context.Context, id string) (Desk, error) { return r.v.Desk(ctx, id) }

// Desks returns all desks.
func (r *Registry) Desks(ctx context.Context) ([]Desk, error) { return r.v.Desks(ctx) }
