package faces

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/enrold/enrold/cmd/enrold/cpuclock"
	"github.com/enrold/enrold/internal/locked"
	"github.com/enrold/enrold/match/gallery"
)

// BenchGallery is `bench gallery`: times of a search among random templates.
type BenchGallery struct {
	N      int    `help:"Templates." default:"1000000"`
	Dim    int    `help:"Values of a template." default:"128"`
	Top    int    `help:"Candidates that a search returns." default:"10"`
	Rounds int    `help:"Rounds; in each, reading, search and FAISS take turns." default:"7"`
	Kernel string `help:"Measure only this kernel (generic, avx2, avx512, avx512+vnni)."`
	Faiss  bool   `help:"Compare with FAISS's flat index (Debian's python3-faiss) in the same rounds."`
	JSON   bool   `help:"Print the figures as JSON."`
}

// galleryFigures are of one kernel on one kind of template. Times are of the
// processor on one thread; a share is reading's time divided by the search's.
type galleryFigures struct {
	Kernel   string  `json:"kernel"`
	Kind     string  `json:"kind"` // float32, int8
	N        int     `json:"n"`
	Dim      int     `json:"dim"`
	Bytes    int     `json:"bytes"`             // read by one search
	NS       float64 `json:"ns_vector"`         // best round
	Median   float64 `json:"ns_median"`         // of all rounds
	GB       float64 `json:"gb_second"`         // best round
	ReadGB   float64 `json:"read_gb"`           // best round of reading the same memory with the widest loads
	Share    float64 `json:"share"`             // of the best rounds
	Middle   float64 `json:"share_median"`      // of each round's own share
	QPS      float64 `json:"queries_second"`    // best round
	Batch    float64 `json:"queries_second_16"` // 16 probes together, best round
	Threads  int     `json:"threads"`           // of the next figure, which is wall time
	Parallel float64 `json:"queries_second_threads"`

	FaissQPS    float64 `json:"faiss_queries_second,omitempty"` // best round
	FaissRatio  float64 `json:"faiss_ratio,omitempty"`          // of the best rounds
	FaissMiddle float64 `json:"faiss_ratio_median,omitempty"`
}

const batchProbes = 16

// Run makes the gallery in memory (N · Dim · 4 bytes and more), searches it and
// writes the report to standard output.
func (c *BenchGallery) Run(ctx context.Context) error {
	if c.N < 1 || c.Rounds < 1 || c.Top < 1 {
		return errors.New("bench gallery: --n, --rounds and --top must be at least 1")
	}
	var other *faiss
	if c.Faiss {
		var err error
		other, err = startFaiss(ctx, c.N, c.Dim, c.Top)
		switch {
		case errors.Is(err, errNoFaiss):
			fmt.Fprintln(os.Stderr, "bench: python3-faiss is missing (apt-get install python3-faiss); measured without it")
		case err != nil:
			return err
		default:
			defer other.stop()
		}
	}
	var all []galleryFigures
	for _, int8s := range []bool{false, true} {
		for _, k := range gallery.Supported() {
			if c.Kernel != "" && c.Kernel != k.String() || !int8s && k == gallery.AVX512VNNI && c.Kernel == "" {
				continue // floats have no use for VNNI
			}
			f, err := c.measure(ctx, k, int8s, other)
			if err != nil {
				return err
			}
			all = append(all, f)
			fmt.Fprintf(os.Stderr, "bench: %s %s: %.2f ns a vector, share %.3f\n", f.Kind, f.Kernel, f.NS, f.Share)
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("bench gallery: this processor has no kernel %q", c.Kernel)
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	return printGallery(os.Stdout, all)
}

func (c *BenchGallery) measure(ctx context.Context, k gallery.Kernel, int8s bool, other *faiss) (f galleryFigures, err error) {
	f = galleryFigures{Kernel: k.String(), Kind: "float32", N: c.N, Dim: c.Dim, Threads: 2}
	if int8s {
		f.Kind = "int8"
	}
	memory := locked.NewSwappable()
	g, err := gallery.New(gallery.Options{Dimension: c.Dim, Int8: int8s, Kernel: k, Memory: memory})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	source := newTemplates(c.Dim)
	for i := range c.N {
		if err := g.Add(uint64(i), source.next()); err != nil {
			return f, err
		}
	}
	f.Bytes = g.Bytes()
	probes := newProbes(c.Dim, batchProbes)
	var reads, searches, batches, faissTimes []float64
	for i := range c.Rounds {
		reads = append(reads, threadSeconds(func() { benchSink += g.ReadAll() }))
		var found []gallery.Candidate
		searches = append(searches, threadSeconds(func() { found, err = g.Search(ctx, probes[i%batchProbes], c.Top) }))
		if err != nil {
			return f, err
		}
		if other != nil {
			t, numbers, err := other.search(probes[i%batchProbes])
			if err != nil {
				return f, err
			}
			faissTimes = append(faissTimes, t)
			if !int8s && !sameNumbers(found, numbers) {
				return f, fmt.Errorf("bench gallery: round %d: FAISS found other templates", i)
			}
		}
	}
	for range min(c.Rounds, 3) {
		batches = append(batches, threadSeconds(func() { _, err = g.SearchAll(ctx, probes, c.Top) }))
		if err != nil {
			return f, err
		}
	}
	f.fill(reads, searches, batches, faissTimes)
	f.Parallel, err = c.parallel(ctx, g, probes)
	return f, err
}

// parallel searches from two goroutines at once, by the wall's clock.
func (c *BenchGallery) parallel(ctx context.Context, g *gallery.Gallery, probes [][]float32) (float64, error) {
	errs := make(chan error, 2)
	start := time.Now()
	for range 2 {
		go func() {
			var err error
			for i := 0; i < c.Rounds && err == nil; i++ {
				_, err = g.Search(ctx, probes[i%batchProbes], c.Top)
			}
			errs <- err
		}()
	}
	err := errors.Join(<-errs, <-errs)
	return float64(2*c.Rounds) / time.Since(start).Seconds(), err
}

func (f *galleryFigures) fill(reads, searches, batches, others []float64) {
	n := float64(f.N)
	best := slices.Min(searches)
	f.NS, f.Median = 1e9*best/n, 1e9*middleOf(searches)/n
	f.GB, f.ReadGB = float64(f.Bytes)/best/1e9, float64(f.Bytes)/slices.Min(reads)/1e9
	f.Share, f.Middle = slices.Min(reads)/best, middleOf(ratios(reads, searches))
	f.QPS, f.Batch = 1/best, batchProbes/slices.Min(batches)
	if len(others) > 0 {
		f.FaissQPS, f.FaissRatio = 1/slices.Min(others), slices.Min(others)/best
		f.FaissMiddle = middleOf(ratios(others, searches))
	}
}

func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

func middleOf(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// benchSink keeps the compiler from dropping a read.
var benchSink uint64 //nolint:unused // written only: that is its purpose

func threadSeconds(f func()) float64 {
	clock := cpuclock.StartThread()
	f()
	return clock.Stop().Seconds()
}

// templates are the same in every run: uniform values, scaled to unit length.
type templates struct {
	state uint64
	out   []float32
}

func newTemplates(dim int) *templates { return &templates{state: 1, out: make([]float32, dim)} }

func newProbes(dim, n int) [][]float32 {
	source := &templates{state: 0x9e3779b97f4a7c15, out: make([]float32, dim)}
	probes := make([][]float32, n)
	for i := range probes {
		probes[i] = slices.Clone(source.next())
	}
	return probes
}

// next overwrites what it returned before. The generator is xorshift64 (Marsaglia, 2003).
func (t *templates) next() []float32 {
	var square float32
	for i := range t.out {
		t.state ^= t.state << 13
		t.state ^= t.state >> 7
		t.state ^= t.state << 17
		v := float32(int32(t.state>>32)) / (1 << 31)
		t.out[i] = v
		square += v * v
	}
	scale := 1 / float32(math.Sqrt(float64(square)))
	for i := range t.out {
		t.out[i] *= scale
	}
	return t.out
}

func printGallery(out io.Writer, all []galleryFigures) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "kind\tkernel\tns a vector\tmedian\tGB/s\treading GB/s\tshare\tmedian\tqueries/s\t16 together\t2 threads\tFAISS queries/s\tratio\tmedian\t")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.1f\t%.1f\t%.3f\t%.3f\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t\n", f.Kind, f.Kernel, f.NS, f.Median, f.GB, f.ReadGB,
			f.Share, f.Middle, f.QPS, f.Batch, f.Parallel, f.FaissQPS, f.FaissRatio, f.FaissMiddle)
	}
	return w.Flush()
}
