package published

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

const (
	fileSuffix = ".cose"
	// skew is what a desk's clock may be behind the root's.
	skew = time.Hour
)

// ErrNotYet says that an item is not valid yet: it is offered again at the next
// sync, and the one in force stays.
var ErrNotYet = errors.New("published item is not valid yet")

// Kept is an item in the store.
type Kept struct {
	Item
	Signed []byte
	Hash   string
}

// Store keeps the newest valid item of each kind in a folder, as KIND.cose.
// Several processes may use one folder: each sees what another puts there.
type Store struct {
	dir  string
	root crypto.PublicKey
	log  *slog.Logger

	mu     sync.Mutex
	kept   map[string]Kept
	stamps map[string]stamp
}

// stamp is what tells that a file was replaced.
type stamp struct {
	size    int64
	changed time.Time
}

// OpenStore opens or makes the folder. log may be nil.
func OpenStore(dir string, root crypto.PublicKey, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open published items: %w", err)
	}
	s := &Store{dir: dir, root: root, log: log, kept: map[string]Kept{}, stamps: map[string]stamp{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open published items: %w", err)
	}
	return s, nil
}

// load reads what changed in the folder. A file that is not the root's does not
// count, so a damaged disk costs one more fetch and never a start.
func (s *Store) load() error {
	for _, kind := range Kinds() {
		name := kind + fileSuffix
		info, err := os.Stat(filepath.Join(s.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // what was loaded before stays: a removed file takes nothing back
		}
		if err != nil {
			return err
		}
		now := stamp{info.Size(), info.ModTime()}
		if s.stamps[kind] == now {
			continue
		}
		s.stamps[kind] = now
		message, err := store.ReadFile(s.dir, name, MaxSigned)
		var i Item
		if err == nil {
			i, err = Verify(s.root, message)
		}
		if err == nil && i.Kind != kind {
			err = fmt.Errorf("an item of another kind")
		}
		if err != nil {
			s.log.Error("published item not readable", "kind", kind, "error", err)
			continue
		}
		if i.Version >= s.kept[kind].Version {
			s.kept[kind] = Kept{Item: i, Signed: message, Hash: Hash(message)}
		} else {
			s.log.Error("published item is older than before", "kind", kind, "version", i.Version, "code", eid.CodePublishedOlder)
		}
	}
	return nil
}

// Get returns the item in force, also when it has expired: what to do then
// depends on the kind.
func (s *Store) Get(kind string) (Kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		s.log.Error("published items not readable", "error", err)
	}
	k, ok := s.kept[kind]
	return k, ok
}

// All returns what is kept, in the order of [Kinds].
func (s *Store) All() []Kept {
	var all []Kept
	for _, kind := range Kinds() {
		if k, ok := s.Get(kind); ok {
			all = append(all, k)
		}
	}
	return all
}

// Clock returns now, or a later time that a kept item proves: a clock that was
// set back does not make an expired list valid again.
func (s *Store) Clock(now time.Time) time.Time {
	for _, k := range s.All() {
		if k.NotBefore.After(now) {
			now = k.NotBefore
		}
	}
	return now
}

// Put takes a signed item. fresh is false when the store has it already. A lower
// version than the one in force is refused with eid.CodePublishedOlder, two
// items under one version and expired ones with eid.CodePublished.
func (s *Store) Put(message []byte, now time.Time) (i Item, fresh bool, err error) {
	if i, err = Verify(s.root, message); err != nil {
		return Item{}, false, err
	}
	now = s.Clock(now)
	if now.Add(skew).Before(i.NotBefore) {
		return i, false, ErrNotYet
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lock, err := s.lock()
	if err != nil {
		return i, false, fmt.Errorf("keep published item: %w", err)
	}
	defer lock.Close()
	if err := s.load(); err != nil {
		return i, false, fmt.Errorf("keep published item: %w", err)
	}
	switch k, have := s.kept[i.Kind]; {
	case have && i.Version < k.Version:
		return i, false, eid.Fail(eid.CodePublishedOlder, "keep published item", fmt.Errorf("%s version %d, have %d", i.Kind, i.Version, k.Version))
	case have && i.Same(k.Item):
		return i, false, nil
	case have && i.Version == k.Version:
		return i, false, eid.Fail(eid.CodePublished, "keep published item", fmt.Errorf("two different %s of version %d", i.Kind, i.Version))
	case now.After(i.NotAfter):
		return i, false, eid.Fail(eid.CodePublished, "keep published item", fmt.Errorf("%s version %d has expired", i.Kind, i.Version))
	}
	if err := s.write(i, message); err != nil {
		return i, false, fmt.Errorf("keep published item: %w", err)
	}
	return i, true, nil
}

func (s *Store) write(i Item, message []byte) error {
	if err := store.WriteFile(s.dir, i.Kind+fileSuffix, message); err != nil {
		return err
	}
	if err := store.SyncDir(s.dir); err != nil {
		return err
	}
	s.kept[i.Kind] = Kept{Item: i, Signed: slices.Clone(message), Hash: Hash(message)}
	return nil
}

// lock keeps two processes from comparing versions at once.
func (s *Store) lock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Source offers signed items: a [Client], or a folder on a stick.
type Source interface {
	List(ctx context.Context) ([]Entry, error)
	Item(ctx context.Context, e Entry) ([]byte, error)
}

// Entry is one line of a source's list.
type Entry struct {
	Kind    string `json:"kind"`
	Version int64  `json:"version"`
	Hash    string `json:"hash"` // of the signed item
}

// Sync takes what src has and the store lacks, and returns the kinds that are
// new. One bad item does not keep the others away: err joins what went wrong.
func (s *Store) Sync(ctx context.Context, src Source, now time.Time) (fresh []string, err error) {
	entries, err := src.List(ctx)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, e := range entries {
		if !slices.Contains(Kinds(), e.Kind) {
			continue // newer than this software
		}
		is, err := s.pull(ctx, src, e, now)
		if is {
			fresh = append(fresh, e.Kind)
		}
		if err != nil && !errors.Is(err, ErrNotYet) {
			failed = append(failed, err)
		}
	}
	return fresh, errors.Join(failed...)
}

func (s *Store) pull(ctx context.Context, src Source, e Entry, now time.Time) (fresh bool, err error) {
	if k, ok := s.Get(e.Kind); ok {
		if k.Hash == e.Hash {
			return false, nil
		}
		if e.Version < k.Version {
			return false, eid.Fail(eid.CodePublishedOlder, "fetch published item", fmt.Errorf("%s version %d, have %d", e.Kind, e.Version, k.Version))
		}
	}
	message, err := src.Item(ctx, e)
	if err != nil {
		return false, err
	}
	_, fresh, err = s.Put(message, now)
	return fresh, err
}
