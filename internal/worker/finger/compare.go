package finger

import (
	"fmt"
	std "image"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	match "github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/format"
	"github.com/enrold/enrold/match/finger/wsq"
)

// leastQuality is what an impression needs to be worth keeping. Under it the
// officer is asked to take another at once, while the person is still there.
const leastQuality = 20

// grade fills an impression's quality and what a request carries of it, or
// returns eid.CodeQualityFinger with the extractor's reasons.
func grade(s *eid.FingerSample) error {
	const op = "grade finger"
	t, q, err := match.Extract(image(*s))
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
	gray := &std.Gray{Pix: s.Pixels, Stride: s.Width, Rect: std.Rect(0, 0, s.Width, s.Height)}
	if s.WSQ, err = wsq.Encode(gray, wsq.Options{BitRate: wsq.RateStandard, DPI: s.DPI}); err != nil {
		return eid.Fail(eid.CodeScanner, op, err)
	}
	return nil
}

// compare decides whether a and b are of one finger. The positions may differ:
// the station also asks whether one finger was given for two positions.
func compare(a, b eid.FingerSample) (eid.FingerDecision, error) {
	const op = "compare fingers"
	ta, qa, err := match.Extract(image(a))
	if err != nil {
		return eid.FingerDecision{}, eid.Fail(eid.CodeInput, op, err)
	}
	tb, qb, err := match.Extract(image(b))
	if err != nil {
		return eid.FingerDecision{}, eid.Fail(eid.CodeInput, op, err)
	}
	score := match.Compare(ta, tb)
	return eid.FingerDecision{
		Position: a.Position, Engine: match.Engine, Quality: min(qa.Score, qb.Score),
		Score: score, Threshold: match.Threshold, Pass: score >= match.Threshold,
	}, nil
}

func image(s eid.FingerSample) match.Image {
	return match.Image{Width: s.Width, Height: s.Height, DPI: s.DPI, Pixels: s.Pixels}
}
