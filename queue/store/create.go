package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Files are new files of one folder that become durable together. Each is written
// beside the caller from Add on; Sync then makes them and their names durable, all
// at the same time, so that the file system serves them with one commit of its
// journal. They get their names at once and without a rename: nobody may read such
// a name before Sync has returned nil, and after an error or a crash any of them
// may be there in part. One goroutine uses it at a time.
type Files struct {
	dir  string
	list []*newFile
}

type newFile struct {
	name string
	data []byte
	file *os.File
	err  error
	done chan struct{} // closed when it is written; nil where it has to be begun
}

// NewFiles is a set for dir without files.
func NewFiles(dir string) *Files { return &Files{dir: dir} }

// Add begins to write a file. Its data must stay as it is until Sync or Remove.
func (s *Files) Add(name string, data []byte) {
	f := &newFile{name: name, data: data}
	s.list = append(s.list, f)
	s.begin(f)
}

func (s *Files) begin(f *newFile) {
	f.done = make(chan struct{})
	go func() {
		defer close(f.done)
		f.file, f.err = create(filepath.Join(s.dir, f.name), f.data)
	}()
}

// Sync returns when all files are durable. After an error it may be called again,
// and everything is written anew.
func (s *Files) Sync() error {
	if len(s.list) == 0 {
		return nil
	}
	for _, f := range s.list {
		if f.done == nil {
			s.begin(f)
		}
	}
	err := s.wait()
	if err == nil {
		var syncs errgroup.Group
		for _, f := range s.list {
			syncs.Go(func() error { return unsynced(f.file.Sync()) })
		}
		syncs.Go(func() error { return SyncDir(s.dir) })
		err = syncs.Wait()
	}
	if err = errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("create files: %w", classify(err))
	}
	return nil
}

// Remove takes the files away again, where they are no use without their rows.
func (s *Files) Remove() (err error) {
	s.Abandon()
	for _, f := range s.list {
		if gone := os.Remove(filepath.Join(s.dir, f.name)); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// Abandon ends the writing and leaves the files as they are.
func (s *Files) Abandon() { _ = errors.Join(s.wait(), s.close()) }

func (s *Files) wait() (err error) {
	for _, f := range s.list {
		if f.done != nil {
			<-f.done
			err = errors.Join(err, f.err)
		}
	}
	return err
}

// close ends a try: each file has to be begun again.
func (s *Files) close() (err error) {
	for _, f := range s.list {
		if f.file != nil {
			err = errors.Join(err, f.file.Close())
		}
		f.file, f.err, f.done = nil, nil, nil
	}
	return err
}

func create(path string, data []byte) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(data); err == nil {
		// The disk may begin now; that it has ended is for Sync to say, and an error, too.
		_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	}
	return f, err
}
