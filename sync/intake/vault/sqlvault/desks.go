package sqlvault

import (
	"context"
	"crypto/x509"
	"database/sql"
	"time"

	"github.com/enrold/enrold/sync/intake/vault"
)

// Register implements vault.Desks.
func (v *Vault) Register(ctx context.Context, desk string, c vault.Certificate, device vault.Key) error {
	err := v.db.write(ctx, func(t tx) error {
		if _, err := t.Exec(`INSERT INTO desk (id, registered_at) VALUES ($1, $2)
			ON CONFLICT (id) DO UPDATE SET revoked_at = NULL`, desk, c.Registered.UnixMilli()); err != nil {
			return err
		}
		if _, err := t.Exec(`INSERT INTO certificate (sha256, desk_id, not_after, registered_at) VALUES ($1, $2, $3, $4)`,
			c.SHA256, desk, c.NotAfter.UnixMilli(), c.Registered.UnixMilli()); err != nil {
			return err
		}
		return putKey(t, desk, "", device)
	})
	return wrap("register desk", err)
}

// RegisterOfficer implements vault.Desks.
func (v *Vault) RegisterOfficer(ctx context.Context, desk string, o vault.Officer) error {
	err := v.db.write(ctx, func(t tx) error {
		var id string
		if err := t.Row(`SELECT id FROM desk WHERE id = $1`, desk).Scan(&id); err != nil {
			return err
		}
		return putKey(t, desk, o.Name, o.Key)
	})
	return wrap("register officer", err)
}

func putKey(t tx, desk, officer string, k vault.Key) error {
	spki, err := x509.MarshalPKIXPublicKey(k.Public)
	if err != nil {
		return err
	}
	// The same key again: its certificate was renewed, or its desk taken back.
	_, err = t.Exec(`INSERT INTO signing_key (desk_id, kid, officer, spki, origin, registered_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (desk_id, kid) DO UPDATE SET origin = excluded.origin, registered_at = excluded.registered_at, revoked_at = NULL`,
		desk, k.ID, officer, spki, string(k.Origin), k.Registered.UnixMilli())
	return err
}

// Revoke implements vault.Desks.
func (v *Vault) Revoke(ctx context.Context, desk string, at time.Time) error {
	err := v.db.write(ctx, func(t tx) error {
		n, err := t.Exec(`UPDATE desk SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2`, at.UnixMilli(), desk)
		if err == nil && n == 0 {
			return vault.ErrUnknown
		}
		for _, table := range []string{"certificate", "signing_key"} {
			if err == nil {
				_, err = t.Exec(`UPDATE `+table+` SET revoked_at = $1 WHERE desk_id = $2 AND revoked_at IS NULL`, at.UnixMilli(), desk)
			}
		}
		return err
	})
	return wrap("revoke desk", err)
}

// Supersede implements vault.Desks.
func (v *Vault) Supersede(ctx context.Context, desk string, certificate []byte, at time.Time) (revoked int, err error) {
	err = v.db.write(ctx, func(t tx) error {
		n, err := t.Exec(`UPDATE certificate SET revoked_at = $1 WHERE desk_id = $2 AND revoked_at IS NULL AND registered_at <
			(SELECT registered_at FROM certificate WHERE sha256 = $3 AND desk_id = $2 AND revoked_at IS NULL)`,
			at.UnixMilli(), desk, certificate)
		revoked = int(n)
		return err
	})
	return revoked, wrap("supersede certificates", err)
}

// RevokeOfficer implements vault.Desks.
func (v *Vault) RevokeOfficer(ctx context.Context, kid []byte, at time.Time) error {
	err := v.db.write(ctx, func(t tx) error {
		n, err := t.Exec(`UPDATE signing_key SET revoked_at = coalesce(revoked_at, $1) WHERE kid = $2 AND officer <> ''`, at.UnixMilli(), kid)
		if err == nil && n == 0 {
			return vault.ErrUnknown
		}
		return err
	})
	return wrap("revoke officer", err)
}

// Desk implements vault.Desks.
func (v *Vault) Desk(ctx context.Context, id string) (vault.Desk, error) {
	d, err := v.desk(ctx, id)
	return d, wrap("find desk", err)
}

// DeskOf implements vault.Desks.
func (v *Vault) DeskOf(ctx context.Context, certificate []byte) (vault.Desk, error) {
	var id string
	err := v.row(ctx, `SELECT d.id FROM certificate c JOIN desk d ON d.id = c.desk_id
		WHERE c.sha256 = $1 AND c.revoked_at IS NULL AND d.revoked_at IS NULL`, certificate).Scan(&id)
	if err != nil {
		return vault.Desk{}, wrap("find desk", err)
	}
	return v.Desk(ctx, id)
}

// Desks implements vault.Desks.
func (v *Vault) Desks(ctx context.Context) ([]vault.Desk, error) {
	ids, err := list(ctx, v, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) }, `SELECT id FROM desk ORDER BY id`)
	if err != nil {
		return nil, wrap("list desks", err)
	}
	var out []vault.Desk
	for _, id := range ids {
		d, err := v.desk(ctx, id)
		if err != nil {
			return nil, wrap("list desks", err)
		}
		out = append(out, d)
	}
	return out, nil
}

func (v *Vault) desk(ctx context.Context, id string) (vault.Desk, error) {
	d := vault.Desk{ID: id}
	var registered, revoked sql.NullInt64
	if err := v.row(ctx, `SELECT registered_at, revoked_at FROM desk WHERE id = $1`, id).Scan(&registered, &revoked); err != nil {
		return vault.Desk{}, err
	}
	d.Registered, d.Revoked = fromMillis(registered), fromMillis(revoked)
	var err error
	d.Certificates, err = list(ctx, v, scanCertificate, `SELECT sha256, not_after, registered_at, revoked_at
		FROM certificate WHERE desk_id = $1 ORDER BY registered_at DESC`, id)
	if err != nil {
		return vault.Desk{}, err
	}
	keys, err := list(ctx, v, scanKey, `SELECT kid, officer, spki, origin, registered_at, revoked_at
		FROM signing_key WHERE desk_id = $1 ORDER BY registered_at DESC`, id)
	for _, k := range keys {
		if k.Name == "" {
			d.Devices = append(d.Devices, k.Key)
		} else {
			d.Officers = append(d.Officers, k)
		}
	}
	return d, err
}

func scanCertificate(r *sql.Rows) (c vault.Certificate, err error) {
	var after, registered, revoked sql.NullInt64
	err = r.Scan(&c.SHA256, &after, &registered, &revoked)
	c.NotAfter, c.Registered, c.Revoked = fromMillis(after), fromMillis(registered), fromMillis(revoked)
	return c, err
}

func scanKey(r *sql.Rows) (o vault.Officer, err error) {
	var spki []byte
	var registered, revoked sql.NullInt64
	if err := r.Scan(&o.ID, &o.Name, &spki, &o.Origin, &registered, &revoked); err != nil {
		return o, err
	}
	o.Registered, o.Revoked = fromMillis(registered), fromMillis(revoked)
	o.Public, err = x509.ParsePKIXPublicKey(spki)
	return o, err
}
