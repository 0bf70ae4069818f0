package upload

import (
	"context"
	"errors"
	"sync"
	"time"
)

// lockWait is how long a newcomer waits for a holder that was told to end.
const lockWait = 5 * time.Second

var errLocked = errors.New("another connection holds the upload")

// locks lets one connection at a time touch an upload. A desk asks again only
// when its old connection is of no use any more, although this end may not have
// noticed: so the newcomer wins, and the holder is told to keep what it has and
// to let go. (tus servers whose locks outlive the client answer 423 for minutes.)
type locks struct {
	mu   sync.Mutex
	held map[string]*holder
}

type holder struct {
	stop func() // nil: it ends by itself, soon
	done chan struct{}
}

// take waits for the upload; stop is called when somebody else wants it.
func (l *locks) take(ctx context.Context, desk, id string, stop func()) (release func(), err error) {
	key := desk + "/" + id
	mine := &holder{stop: stop, done: make(chan struct{})}
	deadline := time.NewTimer(lockWait)
	defer deadline.Stop()
	for {
		l.mu.Lock()
		other := l.held[key]
		if other == nil {
			l.held[key] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, key)
				l.mu.Unlock()
				close(mine.done)
			}, nil
		}
		l.mu.Unlock()
		if other.stop != nil {
			other.stop()
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline.C:
			return nil, errLocked
		}
	}
}
