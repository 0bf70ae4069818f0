package face

import (
	"cmp"
	"image"
	"math"
	"slices"
)

const (
	searchSide = 640 // of the sheet that is searched
	cropSide   = 320 // an image no longer than this may be nothing but a face
	clearings  = 2   // times that noise is taken away where nobody is found
	likely     = 0.8 // a score from which no further try is made
)

// try is one way of looking at an image: scaled so that its longer side is side,
// in the middle of an empty square sheet of searchSide.
type try struct{ side float64 }

// tries for a picture and for what may be a face cut out tightly: detectors
// were trained on heads with something around them.
var (
	pictureTries = []try{{searchSide}, {480}, {320}, {200}}
	cropTries    = []try{{320}, {224}, {448}, {150}, {640}, {100}, {270}}
)

// Find searches img by d in several ways until a face is found, the largest and
// most central first. Whole frames are found at the first try; crops that
// already are a face need a border around them. Where nobody is found, noise and
// bad light are taken away and it is tried again.
func Find(d Detector, img *image.RGBA) ([]Found, error) {
	tries := pictureTries
	if max(img.Rect.Dx(), img.Rect.Dy()) <= cropSide {
		tries = cropTries
	}
	for range clearings {
		if found, err := search(d, img, tries); err != nil || len(found) > 0 {
			return found, err
		}
		img = clearer(img)
	}
	return search(d, img, tries)
}

func search(d Detector, img *image.RGBA, tries []try) ([]Found, error) {
	var best []Found
	for _, t := range tries {
		found, err := t.look(d, img)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 && (len(best) == 0 || found[0].Score > best[0].Score) {
			best = found
		}
		if len(best) > 0 && best[0].Score >= likely {
			break
		}
	}
	return best, nil
}

func (t try) look(d Detector, img *image.RGBA) ([]Found, error) {
	w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	step := math.Max(w, h) / t.side // image pixels for one of the sheet
	way := Similarity{A: step, X: w/2 - step*searchSide/2, Y: h/2 - step*searchSide/2}
	sheet := NewSheet(searchSide)
	sheet.Draw(sheet.Rect, img, way, false)
	found, err := d.Detect(sheet.RGBA)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(f Found) bool { return f.Box.Intersect(sheet.Rect).Empty() })
	for i := range found {
		found[i] = found[i].moved(way)
		found[i].Box = found[i].Box.Intersect(img.Rect)
	}
	found = slices.DeleteFunc(found, func(f Found) bool { return f.Box.Empty() })
	slices.SortStableFunc(found, func(a, b Found) int {
		return cmp.Compare(prominence(b, img.Rect), prominence(a, img.Rect))
	})
	return found, nil
}

// prominence is a face's size, less the farther it is from the middle.
func prominence(f Found, frame image.Rectangle) float64 {
	dx := float64(f.Box.Min.X+f.Box.Max.X-frame.Max.X) / float64(frame.Dx())
	dy := float64(f.Box.Min.Y+f.Box.Max.Y-frame.Max.Y) / float64(frame.Dy())
	return math.Sqrt(float64(f.Box.Dx())*float64(f.Box.Dy())) * (1 - 0.5*math.Min(1, math.Hypot(dx, dy)))
}

// moved takes f through s.
func (f Found) moved(s Similarity) Found {
	r := f.Box
	corners := []Point{{float64(r.Min.X), float64(r.Min.Y)}, {float64(r.Max.X), float64(r.Min.Y)}, {float64(r.Min.X), float64(r.Max.Y)}, {float64(r.Max.X), float64(r.Max.Y)}}
	low, high := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, c := range corners {
		c = s.Apply(c)
		low = Point{math.Min(low.X, c.X), math.Min(low.Y, c.Y)}
		high = Point{math.Max(high.X, c.X), math.Max(high.Y, c.Y)}
	}
	f.Box = image.Rect(int(math.Floor(low.X)), int(math.Floor(low.Y)), int(math.Ceil(high.X)), int(math.Ceil(high.Y)))
	for i, p := range f.Points {
		f.Points[i] = s.Apply(p)
	}
	return f
}
