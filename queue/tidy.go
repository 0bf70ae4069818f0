package queue

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"github.com/enrold/enrold/queue/store"
)

// tidyAfter is how long deleted bytes may stay in the database's log.
const tidyAfter = 2 * time.Second

// tidier wipes what was deleted out of the database's free pages and its log. It
// waits a little and serves many deletions at once, since a checkpoint costs
// more than a commit.
type tidier struct {
	q      *Queue
	asked  chan struct{}
	end    chan struct{}
	once   sync.Once
	joined chan struct{}
}

func startTidier(q *Queue) *tidier {
	t := &tidier{q: q, asked: make(chan struct{}, 1), end: make(chan struct{}), joined: make(chan struct{})}
	go t.loop()
	return t
}

// soon asks for a run.
func (t *tidier) soon() {
	select {
	case t.asked <- struct{}{}:
	default:
	}
}

func (t *tidier) loop() {
	defer close(t.joined)
	for {
		select {
		case <-t.end:
			return
		case <-t.asked:
		}
		select {
		case <-t.end:
			return
		case <-time.After(tidyAfter):
		}
		if err := t.q.Tidy(); err != nil {
			t.q.o.Log.Error("deleted bytes not wiped yet", "error", err)
		}
	}
}

// close ends the loop and tidies a last time.
func (t *tidier) close() error {
	t.once.Do(func() { close(t.end) })
	<-t.joined
	if err := t.q.Tidy(); err != nil && !errors.Is(err, store.ErrStopped) && !errors.Is(err, store.ErrClosed) {
		return err
	}
	return nil
}

// Tidy wipes what was deleted out of the database's free pages and its log now.
// It happens by itself some seconds after each purge and at Close.
func (q *Queue) Tidy() error { return fail("tidy", q.stop(q.store.Tidy())) }

// Compact rewrites the database of the queue in dir without its free pages. No
// daemon may have it open.
func Compact(ctx context.Context, dir string) error {
	return withStore(ctx, "compact queue", dir, (*store.DB).Compact)
}

// withStore opens the database alone, for what needs no keys. It must be there
// already, of this version.
func withStore(ctx context.Context, op, dir string, f func(*store.DB) error) (err error) {
	defer func() { err = fail(op, err) }()
	r, err := OpenReader(ctx, dir, nil)
	if err != nil {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	lock, err := store.Lock(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	db, err := store.Open(ctx, filepath.Join(dir, databaseName), schema(nil))
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}
