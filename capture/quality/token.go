package quality

import (
	"image"
	"math"

	"github.com/enrold/enrold/match/face"
)

// Geometry of the token frontal image, ISO/IEC 19794-5:2005 §9.2, in shares of
// its width: height 4/3, the eyes at 3/5 from the top, 1/4 apart.
const (
	TokenAspect   = 4.0 / 3
	TokenEyeLine  = 3.0 / 5
	TokenEyeShare = 1.0 / 4
)

// The measured copy: a token image of 120x160 pixels, eyes 30 apart.
const (
	tokenWidth  = 120
	tokenHeight = 160
	unit        = tokenWidth * TokenEyeShare // one eye distance
	midX        = tokenWidth / 2
	midY        = tokenWidth * TokenEyeLine
)

// token is a face upright at a fixed size. luma is -1 where there is no picture.
type token struct {
	luma   []int16
	cb, cr []int16 // around 0
	valid  int
}

// upright is the way from coordinates in eye distances, the middle between the
// eyes at (0,0) and the eyes level, to the picture.
func upright(p face.Points) (face.Similarity, bool) {
	r, l := p[face.RightEye], p[face.LeftEye]
	s := face.Similarity{A: l.X - r.X, B: l.Y - r.Y, X: (l.X + r.X) / 2, Y: (l.Y + r.Y) / 2}
	sum := s.A + s.B + s.X + s.Y
	return s, s.Scale() > 0 && !math.IsNaN(sum) && !math.IsInf(sum, 0) && math.Abs(s.X) < 1e5 && math.Abs(s.Y) < 1e5
}

// sampler reads pixels of a rotated grid: at steps of (a, b) and (-b, a).
type sampler struct {
	img        *image.RGBA
	x, y, a, b float64
}

// grid is the way from pixels of a copy with this eye distance, whose pixel
// (mx, my) lies between the eyes.
func grid(img *image.RGBA, way face.Similarity, eyes, mx, my float64) sampler {
	a, b := way.A/eyes, way.B/eyes
	return sampler{img, way.X - a*mx + b*my, way.Y - b*mx - a*my, a, b}
}

// rgb is the mean of n*n samples of the copy's pixel (x, y); false outside.
func (s *sampler) rgb(x, y, n int) (r, g, b int, ok bool) {
	step := 1 / float64(n)
	for sy := range n {
		for sx := range n {
			fx, fy := float64(x)+(float64(sx)+0.5)*step, float64(y)+(float64(sy)+0.5)*step
			px, py := int(math.Floor(s.x+s.a*fx-s.b*fy)), int(math.Floor(s.y+s.b*fx+s.a*fy))
			if px < s.img.Rect.Min.X || py < s.img.Rect.Min.Y || px >= s.img.Rect.Max.X || py >= s.img.Rect.Max.Y {
				return 0, 0, 0, false
			}
			p := s.img.Pix[(py-s.img.Rect.Min.Y)*s.img.Stride+4*(px-s.img.Rect.Min.X):][:3:3]
			r, g, b = r+int(p[0]), g+int(p[1]), b+int(p[2])
		}
	}
	k := n * n
	return r / k, g / k, b / k, true
}

func cutToken(img *image.RGBA, way face.Similarity) *token {
	const size = tokenWidth * tokenHeight
	plane := make([]int16, 3*size)
	t := &token{luma: plane[:size], cb: plane[size : 2*size], cr: plane[2*size:]}
	s := grid(img, way, unit, midX, midY)
	for y := range tokenHeight {
		for x := range tokenWidth {
			i := y*tokenWidth + x
			r, g, b, ok := s.rgb(x, y, 2)
			if !ok {
				t.luma[i] = -1
				continue
			}
			v := luma(r, g, b)
			t.luma[i], t.cb[i], t.cr[i] = int16(v), int16(b-v), int16(r-v)
			t.valid++
		}
	}
	return t
}

// luma by ITU-R BT.601.
func luma(r, g, b int) int { return (299*r + 587*g + 114*b + 500) / 1000 }

// zone is a set of the token's pixels.
type zone func(x, y float64) bool // in eye distances from the middle between the eyes

func (t *token) each(z zone, do func(i int)) {
	for y := range tokenHeight {
		for x := range tokenWidth {
			if i := y*tokenWidth + x; t.luma[i] >= 0 && z((float64(x)+0.5-midX)/unit, (float64(y)+0.5-midY)/unit) {
				do(i)
			}
		}
	}
}

func rectangle(x0, y0, x1, y1 float64) zone {
	return func(x, y float64) bool { return x >= x0 && x < x1 && y >= y0 && y < y1 }
}

func ellipse(cx, cy, rx, ry float64) zone {
	return func(x, y float64) bool {
		dx, dy := (x-cx)/rx, (y-cy)/ry
		return dx*dx+dy*dy < 1
	}
}

// Zones of an upright face.
var (
	skin       = ellipse(0, 0.45, 0.8, 1.15)          // brows to chin, without hair and ears
	rightCheek = rectangle(-0.85, 0.35, -0.3, 1.0)    // the person's right, at the picture's left
	leftCheek  = rectangle(0.3, 0.35, 0.85, 1.0)      //
	lowerFace  = rectangle(-0.55, 0.75, 0.55, 1.55)   // mouth and chin
	rightEye   = rectangle(-0.75, -0.17, -0.25, 0.17) //
	leftEye    = rectangle(0.25, -0.17, 0.75, 0.17)   //
	besideHead = func(x, y float64) bool {            // above the shoulders, beyond hair
		return y < 0.8 && (x < -1.45 || x > 1.45)
	}
)
