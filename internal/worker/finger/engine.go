package finger

import (
	"fmt"
	std "image"
	"strings"
	"sync"

	"github.com/enrold/enrold/internal/eid"
	match "github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/format"
	"github.com/enrold/enrold/match/finger/native"
	"github.com/enrold/enrold/match/finger/wsq"
)

// leastQuality is what an impression needs to be worth keeping. Under it the
// officer is asked to take another at once, while the person is still there.
const leastQuality = 20

// extractor is match.Extractor, but for the test that counts.
type extractor interface {
	Extract(img match.Image) (*match.Template, match.Quality, error)
}

// engine keeps the room of extraction and matching between calls; what is left
// in it of one impression the next overwrites. Templates are kept by nobody but
// the samples themselves, which go with the visit.
type engine struct {
	mu        sync.Mutex // calls may come at the same time
	extractor extractor
	matcher   match.Matcher
}

func newEngine() *engine { return &engine{extractor: new(match.Extractor)} }

// grade fills an impression's quality, its template and what a request carries
// of it, or returns eid.CodeQualityFinger with the extractor's reasons.
func (e *engine) grade(s *eid.FingerSample) error {
	const op = "grade finger"
	t, q, err := e.extract(*s)
	if err != nil {
		return eid.Fail(eid.CodeScanner, op, err)
	}
	if q.Score < leastQuality {
		return eid.Fail(eid.CodeQualityFinger, op, fmt.Errorf("quality %d: %s", q.Score, strings.Join(q.Reasons, ", ")))
	}
	s.Quality = q.Score
	view := format.FromTemplate(t, s.Position, q.Score)
	if s.Minutiae, err = format.WriteMinutiae(format.Record{Views: []format.View{view}}, format.ISO2005); err != nil {
		return eid.Fail(eid.CodeScanner, op, err)
	}
	if s.Template, err = native.Write(t); err != nil {
		return eid.Fail(eid.CodeScanner, op, err)
	}
	gray := &std.Gray{Pix: s.Pixels, Stride: s.Width, Rect: std.Rect(0, 0, s.Width, s.Height)}
	if s.WSQ, err = wsq.Encode(gray, wsq.Options{BitRate: wsq.RateStandard, DPI: s.DPI}); err != nil {
		return eid.Fail(eid.CodeScanner, op, err)
	}
	return nil
}

// compare decides whether a and b are of one finger. The positions may differ:
// the station also asks whether one finger was given for two positions.
func (e *engine) compare(a, b eid.FingerSample) (eid.FingerDecision, error) {
	const op = "compare fingers"
	ta, qa, err := e.template(a)
	if err != nil {
		return eid.FingerDecision{}, eid.Fail(eid.CodeInput, op, err)
	}
	tb, qb, err := e.template(b)
	if err != nil {
		return eid.FingerDecision{}, eid.Fail(eid.CodeInput, op, err)
	}
	e.mu.Lock()
	score := e.matcher.Compare(match.Prepare(ta), match.Prepare(tb))
	e.mu.Unlock()
	return eid.FingerDecision{
		Position: a.Position, Engine: match.Engine, Quality: min(qa, qb),
		Score: score, Threshold: match.Threshold, Pass: score >= match.Threshold,
	}, nil
}

// template returns the template and the quality of a sample: those that it
// carries, or, where it has none that this engine reads, as in the journal of
// an older program, extracted ones.
func (e *engine) template(s eid.FingerSample) (*match.Template, int, error) {
	if t, err := native.Read(s.Template); err == nil {
		return t, s.Quality, nil
	}
	t, q, err := e.extract(s)
	return t, q.Score, err
}

func (e *engine) extract(s eid.FingerSample) (*match.Template, match.Quality, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.extractor.Extract(match.Image{Width: s.Width, Height: s.Height, DPI: s.DPI, Pixels: s.Pixels})
}
