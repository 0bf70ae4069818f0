package sqlvault

import (
	"context"
	"database/sql"
	"errors"

	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// Announce implements vault.Requests. What has arrived already, or was announced
// before, is passed over.
func (v *Vault) Announce(ctx context.Context, all []vault.Announcement) error {
	if len(all) == 0 {
		return nil
	}
	return wrap("note announcements", v.db.write(ctx, func(t tx) error {
		for _, a := range all {
			var known int
			if err := t.Row(`SELECT count(*) FROM request WHERE id = $1`, a.ID).Scan(&known); err != nil {
				return err
			}
			if known > 0 {
				continue
			}
			_, err := t.Exec(`INSERT INTO announcement (id, desk_id, body_hash, size, deadline, at)
				VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`, a.ID, a.Desk, a.Hash, a.Size, a.Deadline, a.At.UnixMilli())
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// Announced implements vault.Requests.
func (v *Vault) Announced(ctx context.Context, limit int) ([]vault.Announcement, error) {
	out, err := list(ctx, v, func(r *sql.Rows) (a vault.Announcement, err error) {
		var at sql.NullInt64
		err = r.Scan(&a.ID, &a.Desk, &a.Hash, &a.Size, &a.Deadline, &at)
		a.At = fromMillis(at)
		return a, err
	}, `SELECT id, desk_id, body_hash, size, deadline, at FROM announcement ORDER BY deadline, at LIMIT $1`, limit)
	return out, wrap("list announcements", err)
}

// Head implements vault.Logs.
func (v *Vault) Head(ctx context.Context, desk string) (h wire.LogHead, err error) {
	err = v.row(ctx, `SELECT size, root FROM log_head WHERE desk_id = $1`, desk).Scan(&h.Size, &h.Root)
	if errors.Is(err, sql.ErrNoRows) {
		return wire.LogHead{}, nil
	}
	return h, wrap("find log head", err)
}

// Advance implements vault.Logs.
func (v *Vault) Advance(ctx context.Context, desk string, from, to wire.LogHead) error {
	return wrap("advance log head", v.db.write(ctx, func(t tx) (err error) {
		var n int64
		if from.Size == 0 {
			n, err = t.Exec(`INSERT INTO log_head (desk_id, size, root) VALUES ($1, $2, $3) ON CONFLICT (desk_id) DO NOTHING`, desk, to.Size, to.Root)
		} else {
			n, err = t.Exec(`UPDATE log_head SET size = $1, root = $2 WHERE desk_id = $3 AND size = $4 AND root = $5`,
				to.Size, to.Root, desk, from.Size, from.Root)
		}
		if err == nil && n == 0 {
			return vault.ErrChanged
		}
		return err
	}))
}

// Raise implements vault.Logs.
func (v *Vault) Raise(ctx context.Context, a vault.Alarm) error {
	return wrap("raise alarm", v.db.write(ctx, func(t tx) error {
		_, err := t.Exec(`INSERT INTO alarm (desk_id, code, detail, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (desk_id, code, detail) DO NOTHING`, a.Desk, string(a.Code), a.Detail, a.At.UnixMilli())
		return err
	}))
}

// Alarms implements vault.Logs.
func (v *Vault) Alarms(ctx context.Context, limit int) ([]vault.Alarm, error) {
	out, err := list(ctx, v, func(r *sql.Rows) (a vault.Alarm, err error) {
		var at sql.NullInt64
		err = r.Scan(&a.Desk, &a.Code, &a.Detail, &at)
		a.At = fromMillis(at)
		return a, err
	}, `SELECT desk_id, code, detail, at FROM alarm ORDER BY n DESC LIMIT $1`, limit)
	return out, wrap("list alarms", err)
}
