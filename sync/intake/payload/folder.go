// Package payload keeps the sealed bytes of requests at a central: in a folder,
// or in an S3-compatible store that several intake processes share. Its user
// gives a name to one content only, so that writing it twice does no harm.
package payload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// Folder keeps each payload as a file. Several processes may share it.
type Folder struct{ dir string }

// OpenFolder makes dir when it is missing.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open payload folder: %w", err)
	}
	return &Folder{dir}, nil
}

// Put makes the bytes durable: temporary file, fsync, rename, fsync of the folder.
func (f *Folder) Put(ctx context.Context, name string, sealed []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.WriteFile(f.dir, name, sealed); err != nil {
		return err
	}
	return store.SyncDir(f.dir)
}

// Get returns the bytes of a name.
func (f *Folder) Get(_ context.Context, name string) ([]byte, error) {
	return store.ReadFile(f.dir, name, request.MaxSealed)
}

// Remove removes a name; a missing one is no error.
func (f *Folder) Remove(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove payload: %w", err)
	}
	return nil
}

// Sweep removes what is older than before and for which keep answers false,
// also the temporary files of a crash, and returns how many. Between Put and
// the row that names the bytes there is a moment: before must be well in the
// past when another process may be writing.
func (f *Folder) Sweep(ctx context.Context, before time.Time, keep func(name string) (bool, error)) (removed int, err error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return 0, fmt.Errorf("sweep payloads: %w", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.ModTime().After(before)) {
			continue
		}
		if err != nil {
			return removed, fmt.Errorf("sweep payloads: %w", err)
		}
		kept, err := keep(e.Name())
		if err != nil {
			return removed, fmt.Errorf("sweep payloads: %w", err)
		}
		if kept {
			continue
		}
		if err := f.Remove(ctx, e.Name()); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
