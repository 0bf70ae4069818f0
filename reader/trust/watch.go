package trust

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// Folder loads a trust folder when it has changed since the last time: parsing
// the lists of all states for every document would take longer than reading it.
type Folder struct {
	dir        string
	production bool

	mu     sync.Mutex
	stamps []stamp
	store  *Store
}

// stamp is what tells that a file was replaced.
type stamp struct {
	name    string
	size    int64
	changed time.Time
}

// NewFolder names the folder that Load reads; see the function Load.
func NewFolder(dir string, production bool) *Folder {
	return &Folder{dir: dir, production: production}
}

// Load returns the store of the folder as it is now. It is safe for concurrent
// use. Errors are those of the function Load; nothing is kept after one.
func (f *Folder) Load() (*Store, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps, err := f.stat()
	if err != nil {
		return nil, err
	}
	if f.store != nil && equalStamps(f.stamps, stamps) {
		return f.store, nil
	}
	f.store = nil
	s, err := Load(f.dir, f.production)
	if err != nil {
		return nil, err
	}
	f.store, f.stamps = s, stamps
	return s, nil
}

func (f *Folder) stat() (list []stamp, err error) {
	if f.dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("list trust folder: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if os.IsNotExist(err) {
			continue // an import is going on
		}
		if err != nil {
			return nil, fmt.Errorf("list trust folder: %w", err)
		}
		list = append(list, stamp{e.Name(), info.Size(), info.ModTime()})
	}
	return list, nil
}

func equalStamps(a, b []stamp) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].name != b[i].name || a[i].size != b[i].size || !a[i].changed.Equal(b[i].changed) {
			return false
		}
	}
	return true
}
