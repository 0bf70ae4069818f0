// Package rate measures: how many requests a second the queue makes durable as a
// producer sees it, signed and sealed; what one costs of the processor; what the
// disk itself allows; and what the store under the queue makes durable when the
// bytes are sealed already. The same run writes raw files and syncs them, before
// and after each round, since only a ratio of the same moment means anything on a
// shared disk.
package rate

import (
	"context"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
)

// Options of a measurement.
type Options struct {
	Dir      string        // on the disk to measure; made, and emptied afterwards
	Rounds   int           // of each case
	Slice    time.Duration // of one round's raw writes, and of its queue's
	Rows     int           // queued requests for the start-up figures; 0 leaves them out
	Progress func(string)
}

// Case is one size of samples with one number of producers. The limit of the
// disk is one writer's: append and sync for small requests, file, sync, rename
// and sync of the folder for large ones.
type Case struct {
	SampleBytes int     `json:"sample_bytes"`
	SealedBytes int     `json:"sealed_bytes"` // of the last request
	Producers   int     `json:"producers"`
	Limit       string  `json:"limit"`       // which raw pattern Ratio divides by
	Raw         float64 `json:"raw_per_s"`   // of that pattern, one writer
	Queue       float64 `json:"queue_per_s"` // acknowledged requests
	Ratio       float64 `json:"ratio"`       // median of the rounds' own ratios
	Lowest      float64 `json:"ratio_lowest"`
	Highest     float64 `json:"ratio_highest"`
	Wanted      float64 `json:"wanted,omitempty"`
	MedianMS    float64 `json:"enqueue_median_ms"`
	WorstMS     float64 `json:"enqueue_worst_ms"`
	// Processor time of one request, in microseconds: to sign and seal it alone,
	// and all that the process spends on it from the call to the answer.
	SealCPU  float64 `json:"seal_cpu_us"`
	QueueCPU float64 `json:"queue_cpu_us"`
	// The store under the queue alone, given bytes that are sealed already: bare
	// rows and files, without signature, seal, states, row hashes and log.
	Storage      float64 `json:"storage_only_per_s"`
	StorageRatio float64 `json:"storage_only_ratio"` // median, as Ratio
	StorageCPU   float64 `json:"storage_only_cpu_us"`

	ratios     []float64
	storages   []float64 // the ratios of the storage alone
	waits      []time.Duration
	spent      [3]time.Duration // raw, queue, storage
	done       [3]int
	cpu        time.Duration // of the queue's rounds
	storageCPU time.Duration
}

// Report is what a run found.
type Report struct {
	Cases   []*Case `json:"cases"`
	StartUp *Start  `json:"start,omitempty"`
}

// Cases that the project wants figures of.
func cases() []*Case {
	return []*Case{
		{SampleBytes: 1 << 10, Producers: 1, Limit: patternAppend},
		{SampleBytes: 1 << 10, Producers: 4, Limit: patternAppend, Wanted: 1.3},
		{SampleBytes: 400 << 10, Producers: 1, Limit: patternRename},
		{SampleBytes: 400 << 10, Producers: 4, Limit: patternRename, Wanted: 0.8},
	}
}

// Measure runs all cases in turn, Rounds times.
func Measure(ctx context.Context, o Options) (r Report, err error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return r, fmt.Errorf("measure queue: %w", err)
	}
	r.Cases = cases()
	for round := range o.Rounds {
		o.Progress(fmt.Sprintf("round %d of %d", round+1, o.Rounds))
		for _, c := range r.Cases {
			if err := c.round(ctx, o); err != nil {
				return r, fmt.Errorf("measure queue: %w", err)
			}
		}
	}
	for _, c := range r.Cases {
		if c.SealCPU, err = sealing(ctx, c.SampleBytes, o.Slice); err != nil {
			return r, fmt.Errorf("measure sealing: %w", err)
		}
		c.close()
	}
	if o.Rows > 0 {
		if r.StartUp, err = start(ctx, o); err != nil {
			return r, fmt.Errorf("measure start: %w", err)
		}
	}
	return r, nil
}

func (c *Case) round(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp(o.Dir, "round-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	before, err := c.raw(ctx, filepath.Join(dir, "raw-1"), o.Slice/2)
	if err != nil {
		return err
	}
	queued, err := c.queue(ctx, filepath.Join(dir, "queue"), o.Slice)
	if err != nil {
		return err
	}
	after, err := c.raw(ctx, filepath.Join(dir, "raw-2"), o.Slice/2)
	if err != nil {
		return err
	}
	stored, err := c.storage(ctx, filepath.Join(dir, "storage"), o.Slice)
	if err != nil {
		return err
	}
	last, err := c.raw(ctx, filepath.Join(dir, "raw-3"), o.Slice/2)
	if err != nil {
		return err
	}
	c.ratios = append(c.ratios, 2*queued/(before+after))
	c.storages = append(c.storages, 2*stored/(after+last))
	return nil
}

// queue lets the producers enqueue for d and returns requests a second.
func (c *Case) queue(ctx context.Context, dir string, d time.Duration) (perSecond float64, err error) {
	q, err := open(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	portrait := make([]byte, c.SampleBytes)
	rand.Read(portrait)                                         // never fails; once, since its making is not what is measured
	if _, err := q.Enqueue(ctx, sample(portrait)); err != nil { // first use of tables and folders
		return 0, err
	}
	waits := make([][]time.Duration, c.Producers)
	begun, spent := time.Now(), processor()
	end := begun.Add(d)
	var producers errgroup.Group
	for i := range c.Producers {
		producers.Go(func() error {
			for {
				asked := time.Now()
				if asked.After(end) || ctx.Err() != nil {
					return ctx.Err()
				}
				queued, err := q.Enqueue(ctx, sample(portrait))
				if err != nil {
					return err
				}
				waits[i] = append(waits[i], time.Since(asked))
				if i == 0 {
					c.SealedBytes = queued.SealedBytes
				}
			}
		})
	}
	if err := producers.Wait(); err != nil {
		return 0, err
	}
	c.cpu += processor() - spent
	all := slices.Concat(waits...)
	c.waits = append(c.waits, all...)
	return c.count(1, len(all), time.Since(begun)), nil
}

func (c *Case) count(half, n int, took time.Duration) float64 {
	c.done[half] += n
	c.spent[half] += took
	return float64(n) / took.Seconds()
}

func (c *Case) close() {
	slices.Sort(c.ratios)
	slices.Sort(c.storages)
	slices.Sort(c.waits)
	if len(c.ratios) == 0 || len(c.waits) == 0 {
		return
	}
	c.Ratio, c.Lowest, c.Highest = c.ratios[len(c.ratios)/2], c.ratios[0], c.ratios[len(c.ratios)-1]
	c.Raw, c.Queue = float64(c.done[0])/c.spent[0].Seconds(), float64(c.done[1])/c.spent[1].Seconds()
	c.QueueCPU = microseconds(c.cpu, c.done[1])
	c.Storage, c.StorageRatio = float64(c.done[2])/c.spent[2].Seconds(), c.storages[len(c.storages)/2]
	c.StorageCPU = microseconds(c.storageCPU, c.done[2])
	c.MedianMS, c.WorstMS = milliseconds(c.waits[len(c.waits)/2]), milliseconds(c.waits[len(c.waits)-1])
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// open makes a queue with keys of its own in dir.
func open(ctx context.Context, dir string) (*queue.Queue, error) {
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		return nil, err
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		return nil, err
	}
	return queue.Open(ctx, queue.Options{
		Dir: filepath.Join(dir, "data"), DeskID: "bench-desk", Software: "bench",
		Signers: request.Signers{Device: key}, Recipients: []hpke.PublicKey{central.PublicKey()}, MinFree: 1,
	})
}

// sample is a new request with the portrait; no disk can compress what is sealed.
func sample(portrait []byte) station.Request {
	return station.Request{
		ID: uuid.Must(uuid.NewV7()).String(), Procedure: eid.CitizenLevel2, RuleSet: "vn-69-2024",
		Portraits: []eid.PortraitRecord{{Record: portrait}}, DueAt: "2026-12-31", ReceivedAt: time.Now().UTC(),
	}
}
