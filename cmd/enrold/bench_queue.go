package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	durable "github.com/enrold/enrold/internal/durability/rate"
)

type benchQueueCmd struct {
	Rounds int           `help:"How often each case is measured; the disk's limit and the queue take turns." default:"9"`
	Slice  time.Duration `help:"Time of one round of each." default:"500ms"`
	Rows   int           `help:"Queued requests for the start-up figures; 0 leaves them out." default:"100000"`
	Dir    string        `help:"Folder on the disk to measure." type:"path" default:"."`
	JSON   bool          `help:"Print the figures as JSON."`
}

func (c *benchQueueCmd) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp(c.Dir, ".enrold-bench-")
	if err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	defer os.RemoveAll(dir)
	r, err := durable.Measure(ctx, durable.Options{
		Dir: dir, Rounds: c.Rounds, Slice: c.Slice, Rows: c.Rows,
		Progress: func(text string) { fmt.Fprintln(os.Stderr, "bench:", text) },
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "samples B\tsealed B\tproducers\tdisk/s\tqueue/s\tratio\tlowest\thighest\twanted\tmedian ms\tworst ms\tseal CPU us\tall CPU us\tstorage only/s\tratio\tCPU us\t")
	for _, s := range r.Cases {
		fmt.Fprintf(w, "%d\t%d\t%d\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.1f\t%.1f\t%.1f\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f\t\n", s.SampleBytes, s.SealedBytes, s.Producers,
			s.Raw, s.Queue, s.Ratio, s.Lowest, s.Highest, s.Wanted, s.MedianMS, s.WorstMS, s.SealCPU, s.QueueCPU,
			s.Storage, s.StorageRatio, s.StorageCPU)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Println("ratio: signed and sealed requests to the disk's limit; storage only: bytes sealed before, given to the store under the queue")
	if s := r.StartUp; s != nil {
		fmt.Printf("%d queued: opened in %.1f ms, first due in %.1f ms (wanted together %.0f)\n", s.Rows, s.OpenMS, s.DueMS, s.WantedMS)
	}
	return nil
}
