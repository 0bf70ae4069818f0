package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// sweepStep bounds the files looked at while no request can be written.
const sweepStep = 256

// sweeper removes payload files that no waiting row names: a crash before the
// row's commit or after a receipt's. It works beside the queue, since a folder
// of 100,000 files takes longer to read than an officer waits.
type sweeper struct {
	q      *Queue
	end    context.CancelFunc
	joined chan struct{}
}

func startSweeper(q *Queue) *sweeper {
	ctx, end := context.WithCancel(context.Background())
	s := &sweeper{q: q, end: end, joined: make(chan struct{})}
	go func() {
		defer close(s.joined)
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			q.o.Log.Error("payload folder not swept", "error", err)
		}
	}()
	return s
}

func (s *sweeper) close() {
	s.end()
	<-s.joined
}

func (s *sweeper) sweep(ctx context.Context) error {
	folder, err := os.Open(s.q.payload)
	if err != nil {
		return err
	}
	defer folder.Close()
	removed := 0
	for {
		files, err := folder.ReadDir(sweepStep)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		n, err := s.step(ctx, files)
		if err != nil {
			return err
		}
		removed += n
	}
	if removed > 0 {
		s.q.o.Log.Info("stale payload files removed", "count", removed)
		if err := store.SyncDir(s.q.payload); err != nil {
			return s.q.stop(err)
		}
	}
	return s.missing(ctx)
}

// step looks at some files while the enqueuer waits: a file without a row is an
// orphan then, and a temporary one belongs to nobody.
func (s *sweeper) step(ctx context.Context, files []os.DirEntry) (removed int, err error) {
	s.q.intakeFiles.Lock()
	defer s.q.intakeFiles.Unlock()
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		stale, err := s.stale(ctx, f.Name())
		if err != nil {
			return removed, err
		}
		if !stale {
			continue
		}
		if err := os.Remove(filepath.Join(s.q.payload, f.Name())); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// stale says whether a file may go: a temporary one, one whose row has a receipt
// or its payload elsewhere, or one that a crash cut off before its row. A damaged row keeps its file, and a
// file far newer than the database is no crash's: it tells of an old copy.
func (s *sweeper) stale(ctx context.Context, name string) (bool, error) {
	rec, err := s.q.record(ctx, name)
	switch {
	case err == nil:
		return rec.Payload != name, nil
	case eid.CodeOf(err) == eid.CodeQueueDamaged:
		return false, nil
	case !errors.Is(err, sql.ErrNoRows):
		return false, err
	}
	id, err := headOf(filepath.Join(s.q.payload, name))
	if _, unread := errors.AsType[*fs.PathError](err); unread {
		return false, nil // the disk did not give it: nobody knows what it is
	}
	if err != nil {
		return true, nil //nolint:nilerr // nothing that this program finished
	}
	var last int64
	if err := s.q.db.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM request`).Scan(&last); err != nil {
		return false, err
	}
	if id.Seq > last+maxBatch {
		s.q.o.Log.Error("payload is newer than the database", "seq", id.Seq, "last", last)
		return false, nil
	}
	return true, nil
}

// headOf reads whose request a payload file claims to be.
func headOf(path string) (request.Ident, error) {
	data, err := store.ReadFile(filepath.Dir(path), filepath.Base(path), request.MaxSealed)
	if err != nil {
		return request.Ident{}, err
	}
	return request.ParseIdent(data)
}

func (s *sweeper) gone(ctx context.Context, r *record) (gone bool, err error) {
	if r.Payload == inRow {
		err = s.q.db.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM payload WHERE seq = ?)`, r.Seq).Scan(&gone)
		return gone, err
	}
	_, err = os.Lstat(filepath.Join(s.q.payload, r.Payload))
	return errors.Is(err, os.ErrNotExist), nil
}

// missing counts kept payloads that are gone. Their rows stay: the officer sees
// them, and the absence is reported again when the payload should be sent.
func (s *sweeper) missing(ctx context.Context) error {
	kept, err := s.kept(ctx)
	if err != nil {
		return err
	}
	count := 0
	for some := range slices.Chunk(kept, sweepStep) {
		var page []record
		list, err := json.Marshal(some)
		if err != nil {
			return err
		}
		if err := s.q.each(ctx, `WHERE seq IN (SELECT value FROM json_each(?)) AND payload <> ''`, []any{string(list)}, func(r record, _ error) bool {
			page = append(page, r)
			return true
		}); err != nil {
			return err
		}
		for _, r := range page {
			gone, err := s.gone(ctx, &r)
			if err != nil {
				return err
			}
			if gone {
				if again, err := s.q.record(ctx, r.ID); err == nil && again.Payload != "" {
					count++
				}
			}
		}
	}
	if count > 0 {
		s.q.o.Log.Error("payloads missing", "count", count)
	}
	return nil
}

// kept are the numbers of the requests that have a payload: those that wait and
// those that lie aside.
func (s *sweeper) kept(ctx context.Context) (list []int64, err error) {
	rows, err := s.q.db.QueryContext(ctx, `SELECT seq FROM request WHERE `+isWaiting+` UNION ALL SELECT seq FROM request WHERE `+isRefused)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(integer{&seq}); err != nil {
			return nil, err
		}
		list = append(list, seq)
	}
	return list, rows.Err()
}
