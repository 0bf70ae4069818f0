package face

import (
	"image"
	"math"
	"slices"
)

// Refinement looks once more at a face that was found, in four ways on one
// sheet: as it is, mirrored, smaller and larger, each turned upright. The mean
// of the points that the detector gives is steadier than one look's, and so is
// everything that is aligned by it.
const (
	tileSide = searchSide / 2
	nearBy   = 0.35 // of the eye distance: a look that is farther off is not used
)

// eyeDistances of the four looks, in pixels of their tiles.
var looks = [4]struct {
	eyes     float64
	mirrored bool
}{{64, false}, {64, true}, {52, false}, {80, true}}

// Refine returns f with points that are the mean of several looks at it; f
// itself where the detector does not find it again, not even without noise.
func Refine(d Detector, img *image.RGBA, f Found) (Found, error) {
	eyes := math.Hypot(f.Points[LeftEye].X-f.Points[RightEye].X, f.Points[LeftEye].Y-f.Points[RightEye].Y)
	if !(eyes > 1) {
		return f, nil
	}
	seen, err := lookAgain(d, img, f.Points, nearBy*eyes)
	if err == nil && len(seen) == 0 {
		seen, err = lookAgain(d, clearer(img), f.Points, nearBy*eyes)
	}
	if err != nil {
		return f, err
	}
	sum, n := f.Points, 1+float64(len(seen))
	for _, points := range seen {
		for p := range sum {
			sum[p].X += points[p].X
			sum[p].Y += points[p].Y
		}
	}
	for p := range sum {
		f.Points[p] = Point{sum[p].X / n, sum[p].Y / n}
	}
	return f, nil
}

// lookAgain gives the points of each look that found the face at at again, none
// of them farther off than within.
func lookAgain(d Detector, img *image.RGBA, at Points, within float64) (seen []Points, err error) {
	sheet := NewSheet(searchSide)
	var ways [len(looks)]Similarity
	for i, l := range looks {
		way, ok := upright(at, l.eyes)
		if !ok {
			return nil, nil
		}
		ways[i] = way
		corner := corner(i)
		sheet.Draw(image.Rectangle{corner, corner.Add(image.Pt(tileSide, tileSide))}, img, way, l.mirrored)
	}
	found, err := d.Detect(sheet.RGBA)
	if err != nil {
		return nil, err
	}
	var done [len(looks)]bool
	for _, g := range found { // the largest of each tile
		i, ok := tileOf(g.Box)
		if !ok || done[i] {
			continue
		}
		if points := g.back(i, ways[i]); points.distance(at) <= within {
			done[i] = true
			seen = append(seen, points)
		}
	}
	return seen, nil
}

// upright is the way from a tile to the image that shows the face straight, with
// eyes of this distance, a little above the tile's middle.
func upright(at Points, eyes float64) (Similarity, bool) {
	middle := float64(tileSide) / 2
	layout := layouts["arcface112"]
	scale := eyes / (layout[LeftEye].X - layout[RightEye].X)
	var to [5]Point
	for i, p := range layout {
		to[i] = Point{middle + scale*(p.X-layout[Nose].X), middle + scale*(p.Y-layout[Nose].Y)}
	}
	s, ok := Fit(at[:], to[:])
	if !ok {
		return s, false
	}
	return s.Inverse(), true
}

func corner(tile int) image.Point { return image.Pt(tile%2*tileSide, tile/2*tileSide) }

// tileOf tells on which tile a box lies.
func tileOf(r image.Rectangle) (int, bool) {
	middle := r.Min.Add(r.Max).Div(2)
	if !middle.In(image.Rect(0, 0, searchSide, searchSide)) {
		return 0, false
	}
	return middle.X/tileSide + 2*(middle.Y/tileSide), true
}

// back takes the points of a face on tile i to the image.
func (f Found) back(i int, way Similarity) Points {
	points := f.Points
	at := corner(i)
	for p := range points {
		points[p].X -= float64(at.X)
		points[p].Y -= float64(at.Y)
	}
	if looks[i].mirrored {
		points = points.mirrored(tileSide)
	}
	for p := range points {
		points[p] = way.Apply(points[p])
	}
	return points
}

// mirrored exchanges left and right in an image of this width.
func (p Points) mirrored(width float64) Points {
	for i := range p {
		p[i].X = width - p[i].X
	}
	p[RightEye], p[LeftEye] = p[LeftEye], p[RightEye]
	p[RightMouth], p[LeftMouth] = p[LeftMouth], p[RightMouth]
	return p
}

// distance is the largest of two faces' points.
func (p Points) distance(q Points) float64 {
	var d []float64
	for i := range p {
		d = append(d, math.Hypot(p[i].X-q[i].X, p[i].Y-q[i].Y))
	}
	return slices.Max(d)
}

// Sheet is an empty square image that patches are put on.
type Sheet struct{ *image.RGBA }

// NewSheet makes a black sheet.
func NewSheet(side int) Sheet {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 255
	}
	return Sheet{img}
}

// Draw fills the part r of the sheet with what Cut would give for a patch of its
// size, left and right exchanged if mirrored.
func (s Sheet) Draw(r image.Rectangle, img *image.RGBA, from Similarity, mirrored bool) {
	warp(img, from, r.Dx(), r.Dy(), mirrored, func(y int, sums []uint32, bits int) {
		row := s.Pix[s.PixOffset(r.Min.X, r.Min.Y+y):][:4*r.Dx()]
		half := uint32(1) << (bits - 1)
		for x := range r.Dx() {
			c := sums[3*x : 3*x+3 : 3*x+3]
			p := row[4*x : 4*x+3 : 4*x+3]
			p[0], p[1], p[2] = uint8((c[0]+half)>>bits), uint8((c[1]+half)>>bits), uint8((c[2]+half)>>bits)
		}
	})
}
