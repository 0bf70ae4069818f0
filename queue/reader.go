package queue

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"

	"github.com/enrold/enrold/queue/store"
)

// Reader answers questions about a queue's folder and changes nothing there. A
// [Queue] is one; [OpenReader] makes one beside a running daemon.
type Reader struct {
	db      *sql.DB
	byID    *sql.Stmt // of a row; asked for each new request, and parsing it takes longer
	payload string    // folder
	log     *slog.Logger
	close   func() error
}

// OpenReader opens the queue in dir for reading, whether or not a daemon has it
// open. A folder of an older version is refused: the daemon migrates it.
func OpenReader(ctx context.Context, dir string, log *slog.Logger) (*Reader, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db, err := store.OpenReader(ctx, filepath.Join(dir, databaseName), schema(nil))
	if err != nil {
		return nil, fail("open queue for reading", err)
	}
	r, err := newReader(ctx, db, filepath.Join(dir, payloadFolder), log)
	if err != nil {
		return nil, fail("open queue for reading", errors.Join(err, db.Close()))
	}
	r.close = db.Close
	return r, nil
}

// newReader's statement ends with db.
func newReader(ctx context.Context, db *sql.DB, payload string, log *slog.Logger) (*Reader, error) {
	byID, err := db.PrepareContext(ctx, `SELECT `+recordColumns+` FROM request WHERE id = ?`)
	if err != nil {
		return nil, err
	}
	return &Reader{db: db, byID: byID, payload: payload, log: log}, nil
}

// Close ends a reader of OpenReader.
func (r *Reader) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

func schema(fill func(store.Tx) error) store.Schema {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	s := store.Schema{ApplicationID: applicationID, Migrations: sub}
	if fill != nil {
		s.Fill = map[int]func(store.Tx) error{4: fill}
	}
	return s
}

// snapshot runs f on one connection that sees one moment of the database.
func (r *Reader) snapshot(ctx context.Context, f func(*sql.Conn) error) (err error) {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() { // else the next user of the connection would see the old moment
		_, back := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		err = errors.Join(err, back)
	}()
	return f(conn)
}
