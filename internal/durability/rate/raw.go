package rate

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Raw patterns: what one writer needs to make bytes durable without a queue.
const (
	patternAppend = "write, fsync"
	patternRename = "write, fsync, rename, fsync folder"
)

// raw writes in the case's pattern for d and returns writes a second.
func (c *Case) raw(ctx context.Context, dir string, d time.Duration) (float64, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	data := make([]byte, c.SampleBytes)
	rand.Read(data)
	pattern := appendAndSync
	if c.Limit == patternRename {
		pattern = renameAndSync
	}
	begun := time.Now()
	n, err := pattern(ctx, dir, data, begun.Add(d))
	if err != nil {
		return 0, err
	}
	return c.count(0, n, time.Since(begun)), nil
}

func appendAndSync(ctx context.Context, dir string, data []byte, end time.Time) (n int, err error) {
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for ; time.Now().Before(end); n++ {
		if _, err := f.Write(data); err != nil {
			return n, err
		}
		if err := f.Sync(); err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

func renameAndSync(ctx context.Context, dir string, data []byte, end time.Time) (n int, err error) {
	folder, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	for ; time.Now().Before(end); n++ {
		f, err := os.CreateTemp(dir, ".new-*")
		if err != nil {
			return n, err
		}
		_, err = f.Write(data)
		if err == nil {
			err = f.Sync()
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return n, err
		}
		if err := os.Rename(f.Name(), filepath.Join(dir, strconv.Itoa(n))); err != nil {
			return n, err
		}
		if err := folder.Sync(); err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}
