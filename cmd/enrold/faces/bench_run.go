package faces

import (
	"context"
	"encoding/csv"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enrold/enrold/cmd/enrold/cpuclock"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/face"
)

// faceStages are what describing a photograph is made of; an engine that is not
// a pipeline has one stage for all but reading.
var faceStages = []string{"read", "find", "refine", "describe"}

// benchRun describes and compares the photographs of a set.
type benchRun struct {
	set     pairSet
	engine  face.Engine
	threads int
	frames  bool // described as frames of a capture

	templates []*face.Template // by photograph; nil: failed to acquire
	took      [4]atomic.Int64  // by stage
	comparing time.Duration
}

// describe makes the templates. A photograph that cannot be read or shows no
// face is a failure to acquire; any other error ends the run.
func (r *benchRun) describe(ctx context.Context) error {
	r.templates = make([]*face.Template, len(r.set.paths))
	errs := make([]error, r.threads)
	var next atomic.Int64
	var working sync.WaitGroup
	for w := range r.threads {
		working.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(r.set.paths) || errs[w] != nil || ctx.Err() != nil {
					return
				}
				t, err := r.one(r.set.paths[i])
				switch code := eid.CodeOf(err); {
				case err == nil:
					r.templates[i] = &t
				case code == eid.CodeInput || code == eid.CodeNoFace:
					fmt.Fprintf(os.Stderr, "bench: %s: %v\n", r.set.paths[i], err)
				default:
					errs[w] = fmt.Errorf("%s: %w", r.set.paths[i], err)
				}
			}
		})
	}
	working.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// one describes the most prominent face of a photograph, stage by stage.
func (r *benchRun) one(path string) (face.Template, error) {
	clock := r.now()
	stage := func(i int) {
		t := r.now()
		r.took[i].Add(int64(t - clock))
		clock = t
	}
	img, err := readPhotograph(path)
	stage(0)
	if err != nil {
		return face.Template{}, err
	}
	p, ok := r.engine.(*face.Pipeline)
	if !ok {
		t, err := first(r.engine, img)
		stage(3)
		return t, err
	}
	found, err := face.Find(p.Detector, img)
	stage(1)
	if err == nil && len(found) == 0 {
		err = eid.Fail(eid.CodeNoFace, "find face", nil)
	}
	if err != nil {
		return face.Template{}, err
	}
	f, err := face.Refine(p.Detector, img, found[0])
	stage(2)
	if err != nil {
		return face.Template{}, err
	}
	describe := p.Describer.Describe
	if d, ok := p.Describer.(face.FrameDescriber); ok && r.frames {
		describe = d.DescribeFrame
	}
	t, err := describe(img, f.Points)
	stage(3)
	return t, err
}

func first(e face.Engine, img *image.RGBA) (face.Template, error) {
	faces, err := e.Describe(img)
	if err != nil {
		return face.Template{}, err
	}
	if len(faces) == 0 {
		return face.Template{}, eid.Fail(eid.CodeNoFace, "find face", nil)
	}
	return faces[0].Template, nil
}

// now is the processor time of the whole process, which other programs disturb
// less than they do a wall clock; with several threads only that is left.
func (r *benchRun) now() time.Duration {
	if r.threads > 1 {
		return time.Duration(time.Now().UnixNano())
	}
	return cpuclock.Process()
}

// compare scores every trial; a greater score is more alike, whatever the metric.
// A trial of a sample without a template has the lowest score there is.
func (r *benchRun) compare() error {
	model := r.engine.Model()
	groups := make([]*face.Template, len(r.set.groups))
	for g, members := range r.set.groups {
		var have []face.Template
		for _, i := range members {
			if r.templates[i] != nil {
				have = append(have, *r.templates[i])
			}
		}
		if len(have) == 0 {
			continue
		}
		t := have[0]
		if len(have) > 1 {
			var err error
			if t, err = model.Mean(have...); err != nil {
				return err
			}
		}
		groups[g] = &t
	}
	begin := time.Now()
	for i := range r.set.trials {
		t := &r.set.trials[i]
		if groups[t.a] == nil || groups[t.b] == nil {
			t.score = math.Inf(-1)
			continue
		}
		score, err := model.Score(*groups[t.a], *groups[t.b])
		if err != nil {
			return err
		}
		t.score = r.alike(score)
	}
	r.comparing = time.Since(begin)
	return nil
}

// alike turns a score so that more is more alike, and back.
func (r *benchRun) alike(score float64) float64 {
	if r.engine.Model().Metric == face.Euclidean {
		return -score
	}
	return score
}

func (r *benchRun) trial() evaluation.Trial {
	var t evaluation.Trial
	for _, s := range r.set.trials {
		if s.mated {
			t.Mated = append(t.Mated, s.score)
		} else {
			t.NonMated = append(t.NonMated, s.score)
		}
	}
	return t
}

func (r *benchRun) figures(curve evaluation.Curve, m face.Manifest) setFigures {
	f := setFigures{Model: m.ID, Metric: m.Metric, Images: len(r.set.paths), MS: map[string]float64{}, Clock: "cpu"}
	if r.threads > 1 {
		f.Clock = "wall"
	}
	for _, t := range r.templates {
		if t == nil {
			f.Failures++
		}
	}
	f.FTA = evaluation.Acquisition{Failed: f.Failures, Samples: f.Images}.FTA()
	for _, t := range r.set.trials {
		if t.mated {
			f.Genuine++
		} else {
			f.Impostor++
		}
	}
	f.EER, f.EERAt = curve.EER()
	f.EERAt = finite(r.alike(f.EERAt))
	for _, far := range askedFAR {
		frr, at := curve.FNMRAt(far)
		f.FRR = append(f.FRR, rateAt{FAR: far, FRR: frr, At: finite(r.alike(at))})
	}
	for _, t := range m.Thresholds {
		at := r.alike(t.Accept)
		f.Policy = append(f.Policy, limitFigures{Threshold: t, FAR: curve.FMR(at), FRR: curve.FNMR(at)})
	}
	for i, name := range faceStages {
		if ns := r.took[i].Load(); ns > 0 {
			f.MS[name] = float64(ns) / 1e6 / float64(max(1, len(r.set.paths)))
		}
	}
	f.Compare = float64(r.comparing.Nanoseconds()) / float64(len(r.set.trials))
	return f
}

// finite keeps a limit that no score reaches out of JSON, which has no word for it.
func finite(v float64) float64 { return math.Max(-10, math.Min(10, v)) }

func (r *benchRun) writeScores(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"a", "b", "mated", "score"})
	name := func(g int) string {
		var paths []string
		for _, i := range r.set.groups[g] {
			paths = append(paths, r.set.paths[i])
		}
		return strings.Join(paths, ";")
	}
	for _, t := range r.set.trials {
		_ = out.Write([]string{name(t.a), name(t.b), strconv.FormatBool(t.mated), strconv.FormatFloat(r.alike(t.score), 'g', -1, 64)})
	}
	out.Flush()
	return out.Error()
}
