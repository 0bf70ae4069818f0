package camera

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

const (
	captureLimit = 6 * time.Second
	spacing      = 120 * time.Millisecond // nearer frames tell nothing new
	sampleJPEG   = 92
	mostSamples  = 8
)

var errFrozen = errors.New("the picture never changes")

// CaptureFace returns the n best frames that pass every gate, best first, as
// soon as there are n. guidance is called when it changes. When the time-out
// comes first it fails with what stood in the way: eid.CodeNoFace,
// eid.CodeManyFaces, eid.CodeQualityFace, or eid.CodeCameraStalled for a camera
// that shows the same picture again and again.
func (c *Camera) CaptureFace(ctx context.Context, n int, guidance func(Guidance)) ([]eid.FaceSample, error) {
	const op = "capture face"
	if n < 1 || n > mostSamples {
		return nil, eid.Fail(eid.CodeInternal, op, fmt.Errorf("%d samples: want 1 to %d", n, mostSamples))
	}
	var taken []*Observation
	var said Guidance
	seen := map[Guidance]int{}
	frozen := 0
	var after uint64
	for end := time.Now().Add(captureLimit); len(taken) < n; {
		if time.Now().After(end) {
			if frozen > len(taken) {
				return nil, eid.Fail(eid.CodeCameraStalled, op, errFrozen)
			}
			return nil, eid.Fail(obstacle(seen), op, nil)
		}
		o, err := c.Observe(ctx, after)
		if err != nil {
			return nil, err
		}
		after = o.Frame.Seq
		seen[o.Guidance]++
		if o.Guidance != said {
			said = o.Guidance
			guidance(said)
		}
		if o.Guidance != OK || len(taken) > 0 && o.Frame.Taken.Sub(taken[len(taken)-1].Frame.Taken) < spacing {
			continue
		}
		if slices.ContainsFunc(taken, func(t *Observation) bool { return t.Frame.Same(o.Frame) }) {
			frozen++
			continue
		}
		taken = append(taken, o)
	}
	slices.SortStableFunc(taken, func(a, b *Observation) int { return cmp.Compare(b.Quality, a.Quality) })
	samples := make([]eid.FaceSample, 0, n)
	for _, o := range taken {
		s, err := c.sample(o)
		if err != nil {
			return nil, err
		}
		samples = append(samples, s)
	}
	return samples, nil
}

func (c *Camera) sample(o *Observation) (eid.FaceSample, error) {
	data, err := o.Frame.JPEG(0, sampleJPEG)
	if err != nil {
		return eid.FaceSample{}, err
	}
	return eid.FaceSample{
		JPEG: data, Width: o.Frame.Width, Height: o.Frame.Height,
		Quality: o.Quality, Measures: o.Measures,
		Device: c.device, Origin: c.origin, Taken: o.Frame.Taken,
	}, nil
}

// obstacle names what most frames showed.
func obstacle(seen map[Guidance]int) eid.Code {
	others := 0
	for g, n := range seen {
		if g != NoFace && g != ManyFaces {
			others += n
		}
	}
	switch {
	case seen[NoFace] >= seen[ManyFaces] && seen[NoFace] >= others:
		return eid.CodeNoFace
	case seen[ManyFaces] >= others:
		return eid.CodeManyFaces
	}
	return eid.CodeQualityFace
}
