package prints

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enrold/enrold/cmd/enrold/cpuclock"
	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/search"
	"github.com/enrold/enrold/match/simd"
)

// scored is one comparison trial.
type scored struct {
	set   string
	a, b  *fvcFile
	score float64
}

func (s scored) mated() bool { return s.a.finger == s.b.finger }

// trialRun measures one set.
type trialRun struct {
	set       fvcSet
	threads   int
	level     simd.Level
	templates []*finger.Template // nil: failure to extract
	prepared  []*finger.Prepared
	quality   []int // 0..100
	scores    []scored

	extracting, comparing, searching atomic.Int64 // processor time, ns
	searched, compared               int          // templates; pairs, over all passes
}

func (r *trialRun) extract(ctx context.Context) error {
	n := len(r.set.files)
	r.templates, r.prepared, r.quality = make([]*finger.Template, n), make([]*finger.Prepared, n), make([]int, n)
	failed := make([]error, n)
	extractors := sync.Pool{New: func() any { return new(finger.Extractor) }} // they keep their room
	inParallel(r.threads, n, func(i int) {
		if ctx.Err() != nil {
			return
		}
		data, err := os.ReadFile(r.set.files[i].path)
		if err != nil {
			failed[i] = err
			return
		}
		img, err := decodeImage(data, r.set.dpi)
		if err != nil {
			failed[i] = fmt.Errorf("%s: %w", r.set.files[i].path, err)
			return
		}
		e := extractors.Get().(*finger.Extractor)
		defer extractors.Put(e)
		if i == 0 {
			_, _, _ = e.Extract(img) // tables that are computed once
		}
		clock := cpuclock.StartThread()
		t, quality, err := e.Extract(img)
		r.quality[i] = quality.Score
		r.extracting.Add(int64(clock.Stop()))
		if err == nil && len(t.Minutiae) > 0 {
			r.templates[i], r.prepared[i] = t, finger.Prepare(t)
		}
	})
	return errors.Join(append(failed, ctx.Err())...)
}

// compare scores all pairs of impressions of one finger and all of different
// fingers, each once. A failure to extract scores 0.
func (r *trialRun) compare(ctx context.Context) error {
	files := r.set.files
	for i := range files {
		for j := i + 1; j < len(files); j++ {
			r.scores = append(r.scores, scored{set: r.set.name, a: &files[i], b: &files[j]})
		}
	}
	index := map[*fvcFile]int{}
	for i := range files {
		index[&files[i]] = i
	}
	pairs := make([][2]*finger.Prepared, len(r.scores))
	for x := range r.scores {
		pairs[x] = [2]*finger.Prepared{r.prepared[index[r.scores[x].a]], r.prepared[index[r.scores[x].b]]}
	}
	const batch = 256
	matchers := sync.Pool{New: func() any { return new(finger.Matcher) }}
	for pass := 0; pass < passesAtMost && r.comparing.Load() < int64(comparingAtLeast) && ctx.Err() == nil; pass++ {
		inParallel(r.threads, (len(pairs)+batch-1)/batch, func(k int) {
			if ctx.Err() != nil {
				return
			}
			m := matchers.Get().(*finger.Matcher)
			defer matchers.Put(m)
			clock := cpuclock.StartThread()
			for x := k * batch; x < min((k+1)*batch, len(pairs)); x++ {
				if a, b := pairs[x][0], pairs[x][1]; a != nil && b != nil {
					r.scores[x].score = m.Compare(a, b)
				}
			}
			r.comparing.Add(int64(clock.Stop()))
		})
		r.compared += len(pairs)
	}
	return ctx.Err()
}

// All pairs are compared again and again for so long: one pass over a small set
// takes some 30 ms, which says little of a machine with other work.
const (
	comparingAtLeast = 500 * time.Millisecond
	passesAtMost     = 1000
)

// mated returns the genuine pairs' scores, each with its worse print's quality.
func (r *trialRun) mated() (out []evaluation.Mated) {
	quality := map[*fvcFile]int{}
	for i := range r.set.files {
		quality[&r.set.files[i]] = r.quality[i]
	}
	for _, s := range r.scores {
		if s.mated() {
			out = append(out, evaluation.Mated{Score: s.score, Quality: float64(min(quality[s.a], quality[s.b]))})
		}
	}
	return out
}

// identify searches a gallery of the other fingers' templates, repeated until
// it is full, for the impressions of the first finger.
func (r *trialRun) identify(ctx context.Context, size int) error {
	gallery := search.New(search.Options{Level: r.level})
	var probes, others []*finger.Prepared
	for i, p := range r.prepared {
		if p == nil {
			continue
		}
		if r.set.files[i].finger == r.set.files[0].finger {
			probes = append(probes, p)
		} else {
			others = append(others, p)
		}
	}
	if len(others) == 0 {
		return nil
	}
	for n := range size {
		if err := gallery.AddPrepared(uint64(n), others[n%len(others)]); err != nil {
			return err
		}
	}
	for _, p := range probes {
		clock := cpuclock.StartThread()
		if _, err := gallery.SearchPrepared(ctx, p, 10); err != nil {
			return err
		}
		r.searching.Add(int64(clock.Stop()))
		r.searched += size
	}
	return nil
}

func (r *trialRun) figures() (setFigures, evaluation.Curve) {
	f := setFigures{Set: r.set.name, Impressions: len(r.set.files)}
	for _, t := range r.templates {
		if t == nil {
			f.Failures++
		} else {
			f.Minutiae += float64(len(t.Minutiae)) / float64(len(r.templates))
		}
	}
	var trial evaluation.Trial
	for _, s := range r.scores {
		if s.mated() {
			trial.Mated = append(trial.Mated, s.score)
		} else {
			trial.NonMated = append(trial.NonMated, s.score)
		}
	}
	curve := trial.Curve()
	f.Genuine, f.Impostor = len(trial.Mated), len(trial.NonMated)
	f.EER, f.EERAt = curve.EER()
	f.FMR100, _ = curve.FNMRAt(0.01)
	f.FMR1000, f.FMR1000At = curve.FNMRAt(0.001)
	f.ZeroFMR, _ = curve.FNMRAt(0)
	f.Extraction = float64(r.extracting.Load()) / 1e6 / float64(len(r.set.files))
	f.Verify = rate(r.compared, r.comparing.Load())
	f.Identify = rate(r.searched, r.searching.Load())
	return f, curve
}

func rate(n int, ns int64) float64 {
	if ns == 0 {
		return 0
	}
	return float64(n) / (float64(ns) / 1e9)
}

func writeScores(w io.Writer, scores []scored) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"set", "finger_a", "impression_a", "finger_b", "impression_b", "mated", "score"})
	for _, s := range scores {
		_ = out.Write([]string{
			s.set, strconv.Itoa(s.a.finger), strconv.Itoa(s.a.impression), strconv.Itoa(s.b.finger), strconv.Itoa(s.b.impression),
			strconv.FormatBool(s.mated()), strconv.FormatFloat(s.score, 'g', -1, 64),
		})
	}
	out.Flush()
	return out.Error()
}
