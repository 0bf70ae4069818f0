package sqlvault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	poolSize = 16
	// migrateLock is the advisory lock under which one process at a time changes
	// the schema.
	migrateLock = 0x656e7276
	retries     = 8
)

// OpenPostgres opens the database of a URL "postgres://…" and makes its tables
// when they are missing. A receipt is sent after the commit, so a server that
// does not sync its commits is refused.
func OpenPostgres(ctx context.Context, url string) (*Vault, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("open vault: want postgres://user@host/database")
	}
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("open vault: malformed PostgreSQL URL") // pgx's text may hold the password
	}
	db := stdlib.OpenDB(*conf)
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxIdleTime(time.Minute)
	p := postgres{db}
	if err := errors.Join(p.durable(ctx), p.migrate(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("open vault: %w", err), db.Close())
	}
	return &Vault{db: p, lock: " FOR UPDATE", skip: " FOR UPDATE SKIP LOCKED"}, nil
}

type postgres struct{ db *sql.DB }

func (p postgres) reader() *sql.DB { return p.db }
func (p postgres) close() error    { return p.db.Close() }

// durable refuses settings that lose commits in a power cut.
func (p postgres) durable(ctx context.Context) error {
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := p.db.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			return err
		}
		if value == "off" {
			return fmt.Errorf("PostgreSQL has %s off: acknowledged requests could be lost", name)
		}
	}
	return nil
}

// pgTx adapts a transaction of database/sql.
type pgTx struct {
	ctx context.Context
	tx  *sql.Tx
}

func (t pgTx) Exec(query string, args ...any) (int64, error) {
	r, err := t.tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t pgTx) Row(query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

func (p postgres) write(ctx context.Context, f func(tx) error) error {
	for try := 0; ; try++ {
		err := p.once(ctx, f)
		if err == nil || !collided(err) || try == retries {
			return err
		}
	}
}

func (p postgres) once(ctx context.Context, f func(tx) error) error {
	t, err := p.db.BeginTx(ctx, nil) // READ COMMITTED: rows that matter are locked
	if err != nil {
		return err
	}
	if err := f(pgTx{ctx, t}); err != nil {
		if undo := t.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
		return err
	}
	return t.Commit()
}

// collided says whether a transaction failed only because of another one that
// ran at the same time.
func collided(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	// serialization_failure, deadlock_detected (PostgreSQL 15, appendix A)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

// migrate brings the schema to the newest version, counted in schema_version.
func (p postgres) migrate(ctx context.Context) error {
	return p.once(ctx, func(t tx) error {
		if _, err := t.Exec(`SELECT pg_advisory_xact_lock($1)`, migrateLock); err != nil {
			return err
		}
		if _, err := t.Exec(`CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)`); err != nil {
			return err
		}
		var version int
		if err := t.Row(`SELECT coalesce(max(version), 0) FROM schema_version`).Scan(&version); err != nil {
			return err
		}
		names, err := fs.Glob(migrations, "migrations/postgres/*.sql")
		if err != nil {
			return err
		}
		if version > len(names) {
			return fmt.Errorf("version %d is newer than this software's %d", version, len(names))
		}
		for i, name := range names[version:] {
			text, err := fs.ReadFile(migrations, name)
			if err != nil {
				return err
			}
			if err := statements(t, string(text)); err != nil {
				return fmt.Errorf("migration %s: %w", name, err)
			}
			if _, err := t.Exec(`INSERT INTO schema_version VALUES ($1)`, version+i+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// statements runs a script: the extended protocol takes one statement at a time.
func statements(t tx, script string) error {
	for part := range strings.SplitSeq(script, ";\n") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		if _, err := t.Exec(part); err != nil {
			return err
		}
	}
	return nil
}
