package sqlvault

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/enrold/enrold/queue/store"
)

const applicationID = 0x656e7276 // "enrv"

// OpenSQLite opens or makes central.db in dir. A command may open it beside a
// running intake; two intakes are kept apart by their own lock.
func OpenSQLite(ctx context.Context, dir string) (*Vault, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	sub, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	db, err := store.Open(ctx, filepath.Join(dir, "central.db"), store.Schema{ApplicationID: applicationID, Migrations: sub})
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return &Vault{db: sqlite{db}}, nil
}

type sqlite struct{ db *store.DB }

func (s sqlite) reader() *sql.DB { return s.db.Read }
func (s sqlite) close() error    { return s.db.Close() }

func (s sqlite) write(ctx context.Context, f func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.db.Write(func(t store.Tx) error { return f(t) })
}
