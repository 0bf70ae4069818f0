package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const temporaryPrefix = ".new-"

// WriteFile puts data on the disk under dir/name: temporary file, fsync,
// rename. The name itself is durable after SyncDir, once for many files. On an
// error no file of that name was made or changed.
func WriteFile(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, temporaryPrefix+"*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, classify(err))
	}
	_, err = f.Write(data)
	if err == nil {
		err = unsynced(f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, classify(err)), os.Remove(f.Name()))
	}
	return nil
}

// SyncDir makes the names in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", unsynced(err))
	}
	return nil
}

// ReadFile reads dir/name, at most limit bytes.
func ReadFile(dir, name string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read payload %s: more than %d bytes", name, limit)
	}
	return data, nil
}

// Sweep removes what a crash left in dir: temporary files, and files for which
// keep answers false. It returns how many it removed.
func Sweep(dir string, keep func(name string) bool) (int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("sweep folder: %w", err)
	}
	removed := 0
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), temporaryPrefix) && keep(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return removed, fmt.Errorf("sweep folder: %w", err)
		}
		removed++
	}
	if removed == 0 {
		return 0, nil
	}
	return removed, SyncDir(dir)
}

// Lock takes the folder for this process; a second one is refused. The lock
// ends with the process.
func Lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock folder %s: another process uses it: %w", dir, err), f.Close())
	}
	return f, nil
}

// Free returns the bytes that an ordinary user may still write on dir's disk.
func Free(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("measure free space: %w", err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}
