package intake

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// Registry knows which desk a client certificate belongs to and which device
// key signs for it.
type Registry struct{ db *store.DB }

// OpenRegistry opens the registry in dir, also beside a running intake.
func OpenRegistry(ctx context.Context, dir string) (*Registry, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	db, err := openDB(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	return &Registry{db: db}, nil
}

// Close closes a registry of OpenRegistry.
func (r *Registry) Close() error { return r.db.Close() }

// Desk is one registered desk.
type Desk struct {
	ID  string
	Key *ecdsa.PublicKey // signs its requests
}

// Device makes a desk a request.Verifier: its own registered key and no other.
func (d Desk) Device(desk string, _ []byte) (crypto.PublicKey, error) {
	if desk != d.ID {
		return nil, errUnknownDesk
	}
	return d.Key, nil
}

// Officer knows none yet: the registry holds no officers' keys.
func (d Desk) Officer(string, []byte) (crypto.PublicKey, error) {
	return nil, errors.New("officer is not registered")
}

var errUnknownDesk = errors.New("desk is not registered")

// Register adds a desk or replaces its certificate and key (renewal).
func (r *Registry) Register(id string, certificate *x509.Certificate, key *ecdsa.PublicKey) error {
	if err := request.CheckDesk(id); err != nil {
		return fmt.Errorf("register desk: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return fmt.Errorf("register desk: %w", err)
	}
	sum := sha256.Sum256(certificate.Raw)
	err = r.db.Write(func(tx store.Tx) error {
		_, err := tx.Exec(`INSERT INTO desk (id, certificate, device_key, registered_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET certificate = excluded.certificate, device_key = excluded.device_key,
			registered_at = excluded.registered_at, revoked_at = NULL`, id, sum[:], spki, time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("register desk: %w", err)
	}
	return nil
}

// Revoke ends a desk's right to send.
func (r *Registry) Revoke(id string) error {
	err := r.db.Write(func(tx store.Tx) error {
		n, err := tx.Exec(`UPDATE desk SET revoked_at = ? WHERE id = ?`, time.Now().UnixMilli(), id)
		if err == nil && n == 0 {
			return errUnknownDesk
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke desk: %w", err)
	}
	return nil
}

// byCertificate returns the desk that a certificate belongs to, or errUnknownDesk.
func (r *Registry) byCertificate(ctx context.Context, certificate *x509.Certificate) (Desk, error) {
	sum := sha256.Sum256(certificate.Raw)
	return r.desk(ctx, `certificate = ? AND revoked_at IS NULL`, sum[:])
}

// byID returns a desk whether or not it is revoked: what it sent before stays valid.
func (r *Registry) byID(ctx context.Context, id string) (Desk, error) {
	return r.desk(ctx, `id = ?`, id)
}

func (r *Registry) desk(ctx context.Context, where string, arg any) (Desk, error) {
	var d Desk
	var spki []byte
	err := r.db.Read.QueryRowContext(ctx, `SELECT id, device_key FROM desk WHERE `+where, arg).Scan(&d.ID, &spki)
	if errors.Is(err, sql.ErrNoRows) {
		return Desk{}, errUnknownDesk
	}
	if err != nil {
		return Desk{}, fmt.Errorf("find desk: %w", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return Desk{}, fmt.Errorf("find desk: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return Desk{}, errors.New("find desk: its key is not ECDSA")
	}
	d.Key = key
	return d, nil
}
