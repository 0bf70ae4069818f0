package camera

import (
	"image"
	"math"
	"time"

	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/match/face"
)

const (
	trackGap    = 500 * time.Millisecond // a face that was away for longer is another visit of it
	sameOverlap = 0.3                    // of the union of two boxes, for one face in two frames
	steadyShift = 0.02                   // of the face's width: below, points are averaged over time
	newShare    = 0.5                    // of a steady face's new points
	moveTime    = 300 * time.Millisecond // movement is judged over no longer gap
)

// tracker follows the largest face from frame to frame. Frames of one number
// show one face that never left the picture, so that a capture cannot mix two
// persons.
type tracker struct {
	number uint64
	face   face.Found
	taken  time.Time
}

func (t *tracker) lost() { t.face.Box = image.Rectangle{} }

// follow takes the face of the next frame: the face with its points steadied,
// its number, and whether it moved by more than limit, in face widths.
func (t *tracker) follow(f face.Found, taken time.Time, limit float64) (steady face.Found, number uint64, moved bool) {
	gap := taken.Sub(t.taken)
	before := t.face
	if before.Box.Empty() || gap > trackGap || overlap(before.Box, f.Box) < sameOverlap {
		// A face that jumps further than its own size is somebody else, or a new picture.
		jumped := !before.Box.Empty() && gap <= moveTime
		t.number++
		t.face, t.taken = f, taken
		return f, t.number, jumped
	}
	width := math.Max(1, float64(f.Box.Dx()))
	shift := 0.0
	for i, p := range f.Points {
		q := before.Points[i]
		shift = math.Max(shift, math.Hypot(p.X-q.X, p.Y-q.Y)/width)
	}
	if shift < steadyShift {
		for i, q := range before.Points {
			f.Points[i].X = newShare*f.Points[i].X + (1-newShare)*q.X
			f.Points[i].Y = newShare*f.Points[i].Y + (1-newShare)*q.Y
		}
	}
	t.face, t.taken = f, taken
	return f, t.number, gap <= moveTime && shift > limit
}

// Followed marks that are farther off than this are no longer the face's.
const (
	sizeChange = 0.15 // of the distance between the eyes
	placeShift = 0.5  // of it, of the middle between them
)

// follow looks for the face of the last frame by its landmarks, near where it
// was; false when it is time for a search, or the landmarks lost it.
func (c *Camera) follow(o *Observation) (bool, error) {
	c.since++
	before := c.tracker.face
	if c.since >= c.sight.Every || c.sight.Marks == nil || before.Box.Empty() || o.Frame.Taken.Sub(c.tracker.taken) > moveTime {
		return false, nil
	}
	marks, err := c.marks(o.Frame.Part(around(before)), before.Box)
	if err != nil || marks == nil {
		return false, err
	}
	points, err := face.FivePoints(marks)
	if err != nil {
		return false, err
	}
	eyes := quality.EyeDistance(before.Points)
	dx, dy := middleOf(points, before.Points)
	if math.Abs(quality.EyeDistance(points)-eyes) > sizeChange*eyes || math.Hypot(dx, dy) > placeShift*eyes {
		return false, nil
	}
	o.Marks = marks
	o.Face = face.Found{Box: before.Box.Add(image.Pt(int(math.Round(dx)), int(math.Round(dy)))), Score: before.Score, Points: points}
	return true, nil
}

// middleOf is how far the middle of the points has moved.
func middleOf(p, before face.Points) (dx, dy float64) {
	for i := range p {
		dx += (p[i].X - before[i].X) / float64(len(p))
		dy += (p[i].Y - before[i].Y) / float64(len(p))
	}
	return dx, dy
}

func overlap(a, b image.Rectangle) float64 {
	area := func(r image.Rectangle) float64 { return float64(r.Dx()) * float64(r.Dy()) }
	both := area(a.Intersect(b))
	return both / math.Max(1, area(a)+area(b)-both)
}
