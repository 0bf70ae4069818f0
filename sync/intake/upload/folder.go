package upload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/wire"
)

// maxOpen bounds the unfinished uploads of one desk.
const maxOpen = 256

// Folder keeps parts in a folder, for one process: ID.json says what is to
// come, ID.part is what came. A sub-folder a desk.
type Folder struct {
	dir string
	mu  sync.Mutex // a file at a time: an upload is never appended to by two
}

type meta struct {
	Size int64  `json:"size"`
	Hash []byte `json:"hash"`
}

// OpenFolder opens or makes the folder.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	return &Folder{dir: dir}, nil
}

// desk returns a desk's folder. Its id may be "..": the name is a hash.
func (f *Folder) desk(desk string) string {
	sum := sha256.Sum256([]byte(desk))
	return filepath.Join(f.dir, hex.EncodeToString(sum[:16]))
}

func (f *Folder) read(desk, id string) (m meta, err error) {
	data, err := store.ReadFile(f.desk(desk), id+".json", 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return m, ErrUnknown
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Size < 1 || m.Size > wire.MaxRequest {
		return m, fmt.Errorf("read upload: %s.json is damaged", id)
	}
	return m, nil
}

// Create implements Parts.
func (f *Folder) Create(_ context.Context, desk, id string, size int64, hash []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.desk(desk)
	if m, err := f.read(desk, id); !errors.Is(err, ErrUnknown) {
		if err == nil && (m.Size != size || !bytes.Equal(m.Hash, hash)) {
			err = ErrConflict
		}
		return err
	}
	if err := os.Mkdir(dir, 0o700); err == nil {
		if err := store.SyncDir(f.dir); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create upload: %w", err)
	}
	open, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(open) >= maxOpen {
		return errors.Join(err, ErrTooMany)
	}
	data, err := json.Marshal(meta{Size: size, Hash: hash})
	if err != nil {
		return fmt.Errorf("create upload: %w", err)
	}
	if err := store.WriteFile(dir, id+".json", data); err != nil {
		return err
	}
	return store.SyncDir(dir)
}

// Offset implements Parts.
func (f *Folder) Offset(_ context.Context, desk, id string) (offset, size int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.offset(desk, id)
}

func (f *Folder) offset(desk, id string) (offset, size int64, err error) {
	m, err := f.read(desk, id)
	if err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(filepath.Join(f.desk(desk), id+".part"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, m.Size, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find upload's offset: %w", err)
	}
	return min(info.Size(), m.Size), m.Size, nil
}

// Append implements Parts.
func (f *Folder) Append(_ context.Context, desk, id string, at int64, chunk []byte) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	offset, size, err := f.offset(desk, id)
	if err != nil {
		return 0, err
	}
	if at != offset || at+int64(len(chunk)) > size {
		return 0, ErrOffset
	}
	file, err := os.OpenFile(filepath.Join(f.desk(desk), id+".part"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return 0, fmt.Errorf("append to upload: %w", err)
	}
	_, err = file.WriteAt(chunk, at)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		err = errors.Join(err, file.Truncate(at)) // or a full disk would leave bytes that count
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return 0, fmt.Errorf("append to upload: %w", err)
	}
	if at == 0 {
		if err := store.SyncDir(f.desk(desk)); err != nil {
			return 0, err
		}
	}
	return at + int64(len(chunk)), nil
}

// Bytes implements Parts.
func (f *Folder) Bytes(_ context.Context, desk, id string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.read(desk, id); err != nil {
		return nil, err
	}
	data, err := store.ReadFile(f.desk(desk), id+".part", wire.MaxRequest)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte{}, nil
	}
	return data, err
}

// Drop implements Parts. The bytes go first: what is left of a crash is an
// upload that begins anew.
func (f *Folder) Drop(_ context.Context, desk, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.drop(f.desk(desk), id)
}

func (f *Folder) drop(dir, id string) error {
	for _, suffix := range []string{".part", ".json"} {
		if err := os.Remove(filepath.Join(dir, id+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("drop upload: %w", err)
		}
	}
	return nil
}

// Sweep drops uploads that nothing was added to since before: their desks sent
// them otherwise, or are gone. It returns how many.
func (f *Folder) Sweep(before time.Time) (dropped int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names, err := filepath.Glob(filepath.Join(f.dir, "*", "*.json"))
	if err != nil {
		return 0, fmt.Errorf("sweep uploads: %w", err)
	}
	for _, name := range names {
		stem := strings.TrimSuffix(name, ".json")
		last, err := os.Stat(stem + ".part")
		if errors.Is(err, fs.ErrNotExist) {
			last, err = os.Stat(name)
		}
		if err != nil {
			return dropped, fmt.Errorf("sweep uploads: %w", err)
		}
		if !last.ModTime().Before(before) {
			continue
		}
		if err := f.drop(filepath.Dir(name), filepath.Base(stem)); err != nil {
			return dropped, err
		}
		dropped++
	}
	return dropped, nil
}
