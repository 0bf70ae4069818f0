package camera

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/enrold/enrold/capture/pad"
	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/internal/eid"
)

const (
	spacing     = 120 * time.Millisecond // nearer frames tell nothing new
	settle      = 600 * time.Millisecond // after the first good frame better ones are waited for
	mostSamples = 8
	mostKept    = 24 // good frames that are held while better ones are waited for
)

var errFrozen = errors.New("the picture never changes")

// CaptureFace returns the n best frames of one face that pass every gate of the
// profile, best first: at once when n frames leave nothing to wish for, else
// after a moment for better ones. guidance is called when it changes. When the
// profile's time is over first it fails with what stood in the way:
// eid.CodeNoFace, eid.CodeManyFaces, eid.CodeQualityFace, or
// eid.CodeCameraStalled for a camera that shows the same picture again and again.
func (c *Camera) CaptureFace(ctx context.Context, n int, guidance func(Guidance)) ([]eid.FaceSample, error) {
	const op = "capture face"
	if n < 1 || n > mostSamples {
		return nil, eid.Fail(eid.CodeInternal, op, fmt.Errorf("%d samples: want 1 to %d", n, mostSamples))
	}
	s := session{camera: c, n: n, profile: c.Profile(), seen: map[Guidance]int{}, guidance: guidance, checks: pad.NewChallenge(c.options.Challenges, nil)}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	taken := s.best()
	samples := make([]eid.FaceSample, len(taken))
	errs := make([]error, len(taken))
	var cutting sync.WaitGroup
	for i, o := range taken {
		cutting.Go(func() { samples[i], errs[i] = c.sample(o, s.profile) })
	}
	cutting.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	for i := range samples {
		samples[i].Presentation.Checks, samples[i].Presentation.Blinks = s.checks.Result(), s.checks.Blinks()
	}
	return samples, nil
}

// session is one capture.
type session struct {
	camera   *Camera
	n        int
	profile  quality.Profile
	guidance func(Guidance)
	checks   *pad.Challenge

	said   Guidance
	seen   map[Guidance]int
	track  uint64
	taken  []*Observation // good frames of the track, in the order of time
	frozen int
}

func (s *session) run(ctx context.Context) error {
	const op = "capture face"
	var after uint64
	begin := time.Now()
	end := begin.Add(s.profile.Within() + s.checks.Longest())
	for {
		now := time.Now()
		if s.enough(now, end) {
			return nil
		}
		if now.After(end) {
			if s.frozen > len(s.taken) {
				return eid.Fail(eid.CodeCameraStalled, op, errFrozen)
			}
			return eid.Fail(obstacle(s.seen), op, nil)
		}
		o, err := s.camera.Observe(ctx, after)
		if err != nil {
			return err
		}
		after = o.Frame.Seq
		s.see(o)
	}
}

// enough: n frames without any wish, or n good ones and no more time to wait.
func (s *session) enough(now, end time.Time) bool {
	if len(s.taken) < s.n {
		return false
	}
	perfect := 0
	for _, o := range s.taken {
		if o.Wishes == 0 {
			perfect++
		}
	}
	return perfect >= s.n || now.Sub(s.taken[0].Frame.Taken) > settle || now.After(end)
}

func (s *session) see(o *Observation) {
	if o.Track != s.track { // another face: nothing of the last one is kept
		s.track, s.taken, s.frozen = o.Track, nil, 0
	}
	s.checks.See(look(o))
	say := o.Guidance
	if kind, open := s.checks.Next(); open && o.Track != 0 && say != ManyFaces {
		say = Guidance(kind)
	}
	s.seen[o.Guidance]++
	if say != s.said {
		s.said = say
		s.guidance(say)
	}
	last := len(s.taken) - 1
	if say != OK || !o.Searched || last >= 0 && o.Frame.Taken.Sub(s.taken[last].Frame.Taken) < spacing {
		return
	}
	if slices.ContainsFunc(s.taken, func(t *Observation) bool { return t.Frame.Same(o.Frame) }) {
		s.frozen++
		return
	}
	if s.taken = append(s.taken, o); len(s.taken) > mostKept {
		s.taken = slices.Delete(s.taken, 1, 2) // the first tells since when
	}
}

// best are the n best frames, best first.
func (s *session) best() []*Observation {
	sorted := slices.Clone(s.taken)
	slices.SortStableFunc(sorted, func(a, b *Observation) int {
		return cmp.Or(cmp.Compare(a.Wishes, b.Wishes), cmp.Compare(b.Quality, a.Quality))
	})
	sorted = sorted[:s.n]
	slices.SortStableFunc(sorted, func(a, b *Observation) int { return cmp.Compare(b.Quality, a.Quality) })
	return sorted
}

// look is what an active check needs of o.
func look(o *Observation) pad.Look {
	l := pad.Look{At: o.Frame.Taken, Track: o.Track, Eyes: -1}
	if yaw, ok := o.Report.Get(quality.Yaw); ok {
		l.Yaw = yaw.Native
	}
	if open, ok := quality.Open(o.Marks); ok {
		l.Eyes = open.Eyes
	}
	return l
}

func (c *Camera) sample(o *Observation, p quality.Profile) (eid.FaceSample, error) {
	picture, err := portrait(o, c.options.Encoding)
	if err != nil {
		return eid.FaceSample{}, err
	}
	whole, err := o.Frame.RGBA(0)
	if err != nil {
		return eid.FaceSample{}, err
	}
	signal, err := c.sight.Live.Signal(whole, o.Face.Box)
	if err != nil {
		return eid.FaceSample{}, err
	}
	return eid.FaceSample{
		JPEG: picture.JPEG, JPEG2000: picture.JPEG2000, Width: picture.Size.X, Height: picture.Size.Y,
		Quality: o.Quality, Measures: o.Report.Measures(), Profile: p.ID,
		Presentation: &eid.Presentation{Signal: signal, Models: c.sight.Live.IDs()},
		Device:       c.device.Name, Origin: c.device.Origin, Taken: o.Frame.Taken,
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
