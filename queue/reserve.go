package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/queue/store"
)

// defaultReserve holds two requests of the wire's greatest size.
const defaultReserve = 32 << 20

// reserve is a file that keeps room on the disk for what is under way when the
// disk becomes full: it is given up then, and filled again before the next visit.
type reserve struct {
	path string
	size int64
	log  *slog.Logger
	mu   sync.Mutex
}

func newReserve(dir string, size int64, log *slog.Logger) *reserve {
	r := &reserve{path: filepath.Join(dir, "reserve"), size: size, log: log}
	if err := r.fill(); err != nil {
		log.Warn("no reserve on the disk", "error", err)
	}
	return r
}

// fill makes the file as long as it must be; the blocks are really there.
func (r *reserve) fill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if info, err := os.Stat(r.path); err == nil && info.Size() == r.size {
		return nil
	}
	f, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("fill reserve: %w", err)
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, r.size)
	if errors.Is(err, unix.EOPNOTSUPP) { // a file system that cannot promise blocks
		err = f.Truncate(r.size)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		return nil
	}
	err = errors.Join(err, os.Remove(r.path)) // half a reserve would pass for a whole one
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		err = fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return fmt.Errorf("fill reserve: %w", err)
}

// giveUp frees the room and reports whether there was any.
func (r *reserve) giveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Remove(r.path); err != nil {
		return false
	}
	r.log.Warn("disk is full: reserve given up")
	return true
}
