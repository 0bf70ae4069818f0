package bundle

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/signed"
)

const (
	requestsPrefix = "enrold-requests-"
	resultsPrefix  = "enrold-results-"
	manifestFile   = "manifest.cbor"
	unfinishedFile = "manifest.new"
	payloadFolder  = "payload"

	// cluster is the largest of FAT32 in use: a file takes whole ones.
	cluster = 64 << 10
)

// pen writes one bundle's folder. Nothing is a bundle until finish.
type pen struct{ dir string }

// begin checks that to has room for size bytes in files files and makes the
// bundle's folder.
func begin(to, name string, files int, size int64) (*pen, error) {
	free, err := store.Free(to)
	if err != nil {
		return nil, err
	}
	if want := uint64(size) + uint64(files+4)*cluster; free < want {
		return nil, eid.Fail(eid.CodeDiskFull, "write bundle", fmt.Errorf("%d bytes free, want %d", free, want))
	}
	p := &pen{dir: filepath.Join(to, name)}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, err
	}
	return p, os.Mkdir(filepath.Join(p.dir, payloadFolder), 0o700)
}

func (p *pen) add(name string, data []byte) error {
	return writeSynced(filepath.Join(p.dir, payloadFolder, name), data)
}

// finish makes what was added durable, then the manifest, then its name.
func (p *pen) finish(key crypto.Signer, mediaType string, manifest any) error {
	if err := syncDir(filepath.Join(p.dir, payloadFolder)); err != nil {
		return err
	}
	payload, err := encMode.Marshal(manifest)
	if err != nil {
		return err
	}
	message, err := signed.Sign(key, mediaType, payload)
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(p.dir, unfinishedFile), message); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(p.dir, unfinishedFile), filepath.Join(p.dir, manifestFile)); err != nil {
		return err
	}
	if err := syncDir(p.dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(p.dir))
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in dir durable. Some file systems of sticks know no
// fsync of a folder: there the whole file system is synced.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = unix.Syncfs(int(d.Fd()))
	}
	return errors.Join(err, d.Close())
}

// find returns the bundles whose names begin with prefix: dir itself, or those
// in it, oldest first (the names hold the time).
func find(dir, prefix string) ([]string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(filepath.Base(abs), prefix) {
		return []string{abs}, nil
	}
	entries, err := os.ReadDir(abs)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			found = append(found, filepath.Join(abs, e.Name()))
		}
	}
	return found, nil
}

// reader reads one bundle's folder. Names come from a stranger's stick: nothing
// outside the folder, no link and nothing but plain files is opened.
type reader struct{ root *os.Root }

func openFolder(dir string) (*reader, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, eid.Fail(eid.CodeBundleUnfinished, "open bundle", err)
	}
	return &reader{root}, nil
}

func (r *reader) close() error { return r.root.Close() }

// manifest returns the signed message, of at most limit bytes.
func (r *reader) manifest(limit int64) ([]byte, error) {
	const op = "read manifest"
	message, err := r.read(manifestFile, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, eid.Fail(eid.CodeBundleUnfinished, op, errors.New("no manifest"))
	case err != nil:
		return nil, eid.Fail(eid.CodeBundleAltered, op, err)
	case len(message) == 0:
		return nil, eid.Fail(eid.CodeBundleUnfinished, op, errors.New("manifest is empty"))
	}
	return message, nil
}

// payload returns a file of exactly size bytes.
func (r *reader) payload(name string, size int64) ([]byte, error) {
	const op = "read bundle"
	data, err := r.read(payloadFolder+"/"+name, size)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, eid.Fail(eid.CodeBundleUnfinished, op, errors.New("a file is missing"))
	case err != nil:
		return nil, eid.Fail(eid.CodeBundleAltered, op, err)
	case int64(len(data)) < size:
		return nil, eid.Fail(eid.CodeBundleUnfinished, op, errors.New("a file is shorter than it was"))
	}
	return data, nil
}

var errTooLong = errors.New("file is longer than it was")

func (r *reader) read(name string, limit int64) ([]byte, error) {
	f, err := r.root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a plain file")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, errTooLong
	}
	return data, nil
}
