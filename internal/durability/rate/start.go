package rate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Start is how long a queue with many waiting requests takes to open and to
// name the first one to send, the files being in the page cache.
type Start struct {
	Rows     int     `json:"rows"`
	OpenMS   float64 `json:"open_ms"` // medians of five starts
	DueMS    float64 `json:"first_due_ms"`
	WantedMS float64 `json:"wanted_ms"` // of both together
}

const (
	starts       = 5
	fillers      = 32 // producers that fill the queue
	wantedMS     = 100
	memoryFolder = "/dev/shm"
)

// start fills a queue with o.Rows requests and opens it again and again. It is
// filled in memory where there is a memory disk: the fsyncs of 100,000 requests
// would take most of an hour on a slow disk, and what is measured is the opening.
func start(ctx context.Context, o Options) (s *Start, err error) {
	dir, err := os.MkdirTemp(o.Dir, "start-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fill := dir
	if info, err := os.Stat(memoryFolder); err == nil && info.IsDir() {
		if fill, err = os.MkdirTemp(memoryFolder, "enrold-start-"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(fill)) }()
	}
	if err := enqueueMany(ctx, filepath.Join(fill, "queue"), o); err != nil {
		return nil, err
	}
	if fill != dir {
		o.Progress("copying to the disk")
		if out, err := exec.CommandContext(ctx, "cp", "-a", filepath.Join(fill, "queue"), dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("copy queue: %w: %s", err, out)
		}
	}
	s = &Start{Rows: o.Rows, WantedMS: wantedMS}
	var opened, due []time.Duration
	for range starts + 1 { // the first one warms the cache
		a, b, err := openOnce(ctx, filepath.Join(dir, "queue"))
		if err != nil {
			return nil, err
		}
		opened, due = append(opened, a), append(due, b)
	}
	slices.Sort(opened[1:])
	slices.Sort(due[1:])
	s.OpenMS, s.DueMS = milliseconds(opened[1+starts/2]), milliseconds(due[1+starts/2])
	return s, nil
}

func openOnce(ctx context.Context, dir string) (opened, due time.Duration, err error) {
	begun := time.Now()
	q, err := open(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	opened = time.Since(begun)
	begun = time.Now()
	row, _, err := q.Due(ctx, time.Now())
	due = time.Since(begun)
	if err == nil && row == nil {
		err = errors.New("no request is due")
	}
	return opened, due, err
}

func enqueueMany(ctx context.Context, dir string, o Options) (err error) {
	q, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	producers, working := errgroup.WithContext(ctx)
	producers.SetLimit(fillers)
	for i := range o.Rows {
		if i%10_000 == 0 {
			o.Progress(fmt.Sprintf("queueing %d of %d", i, o.Rows))
		}
		producers.Go(func() error {
			_, err := q.Enqueue(working, sample(make([]byte, 64)))
			return err
		})
		if working.Err() != nil {
			break
		}
	}
	return producers.Wait()
}
