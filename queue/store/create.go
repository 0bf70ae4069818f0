package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// File is a name and its content.
type File struct {
	Name string
	Data []byte
}

// CreateFiles makes files in dir durable, names included: all are written, and
// then all and the folder are synced at the same time, so that the file system
// serves them with one commit of its journal. The files get their names at once
// and without a rename: nobody may read such a name before CreateFiles has
// returned nil, and after an error or a crash any of them may be there in part.
func CreateFiles(dir string, files []File) error {
	open := make([]*os.File, len(files))
	var writes errgroup.Group
	for i, f := range files {
		writes.Go(func() (err error) {
			open[i], err = create(filepath.Join(dir, f.Name), f.Data)
			return err
		})
	}
	err := writes.Wait()
	var syncs errgroup.Group
	if err == nil {
		for _, f := range open {
			syncs.Go(func() error { return unsynced(f.Sync()) })
		}
		syncs.Go(func() error { return SyncDir(dir) })
		err = syncs.Wait()
	}
	for _, f := range open {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("create files: %w", classify(err))
	}
	return nil
}

func create(path string, data []byte) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	return f, err
}
