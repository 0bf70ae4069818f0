package rate

import (
	"crypto/rand"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sync/errgroup"
)

// BenchmarkEnqueue is the command's case of four producers, for profiles; the
// folder is ENROLD_BENCH_DIR, so that a memory disk shows the program alone.
func BenchmarkEnqueue(b *testing.B) {
	for _, size := range []int{1 << 10, 400 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			dir, err := os.MkdirTemp(os.Getenv("ENROLD_BENCH_DIR"), "enrold-bench-")
			if err != nil {
				b.Fatal(err)
			}
			defer os.RemoveAll(dir)
			q, err := open(b.Context(), dir)
			if err != nil {
				b.Fatal(err)
			}
			portrait := make([]byte, size)
			rand.Read(portrait)
			b.ReportAllocs()
			b.ResetTimer()
			spent := processor()
			var producers errgroup.Group
			for i := range 4 {
				producers.Go(func() error {
					for range (b.N + i) / 4 {
						if _, err := q.Enqueue(b.Context(), sample(portrait)); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err := producers.Wait(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(microseconds(processor()-spent, b.N), "cpu-us/op")
			b.StopTimer()
			if err := q.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
