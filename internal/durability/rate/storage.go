package rate

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/store"
)

//go:embed bare/*.sql
var bare embed.FS

// storage lets the producers hand over bytes that are sealed already, of the size
// that the queue has stored: what the store under the queue makes durable, without
// what makes a request of them.
func (c *Case) storage(ctx context.Context, dir string, d time.Duration) (perSecond float64, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "payload"), 0o700); err != nil {
		return 0, err
	}
	schema, err := fs.Sub(bare, "bare")
	if err != nil {
		return 0, err
	}
	db, err := store.Open(ctx, filepath.Join(dir, "rows.db"), store.Schema{ApplicationID: 1, Migrations: schema})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	sealed := make([]byte, c.SealedBytes)
	rand.Read(sealed) // never fails
	var seq atomic.Int64
	begun, spent := time.Now(), processor()
	end := begun.Add(d)
	var producers errgroup.Group
	for range c.Producers {
		producers.Go(func() error {
			for time.Now().Before(end) && ctx.Err() == nil {
				if err := keep(db, filepath.Join(dir, "payload"), seq.Add(1), sealed); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	if err := producers.Wait(); err != nil {
		return 0, err
	}
	c.storageCPU += processor() - spent
	return c.count(2, int(seq.Load()), time.Since(begun)), nil
}

// keep makes one payload durable, as a row or as a file with a row.
func keep(db *store.DB, folder string, seq int64, sealed []byte) error {
	row := []any{seq, sealed}
	if len(sealed) > queue.MaxInRow {
		files := store.NewFiles(folder)
		files.Add(strconv.FormatInt(seq, 10), sealed)
		if err := files.Sync(); err != nil {
			return err
		}
		row[1] = nil
	}
	return db.Write(func(tx store.Tx) error { return tx.Insert("sealed (seq, data)", row) })
}
