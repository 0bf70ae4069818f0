package camera

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"

	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/jpeg2000"
)

// A portrait is a token frontal image (ISO/IEC 19794-5 §9.2): eyes level, at
// 3/5 of the width from the top, a quarter of the width apart, three to four.
const (
	widest    = 480 // eyes 120 apart: twice what the token image asks for
	narrowest = 240 // the token image's own
	step      = 12  // widths are multiples, so that three to four comes out even

	bestJPEG  = 92
	leastJPEG = 55 // below, blocks show: then fewer pixels are better
	worstJPEG = 20 // of the smallest portrait

	// Bits a pixel of JPEG 2000: at 0.65 it is as near to the original (37.5 dB) as
	// JPEG of quality 55 (36.8 dB, 1.1 bits), mean of 14 photographs of 150x150.
	leastBits = 0.65
)

var errTooLarge = errors.New("no JPEG of this portrait is small enough")

// Portrait is one picture, encoded.
type Portrait struct {
	JPEG     []byte
	JPEG2000 []byte // a JP2 file; nil where it was not asked for
	Size     image.Point
}

// Encoding is what a portrait is encoded as.
type Encoding struct {
	JPEG2000  bool // then the size holds for that, and the JPEG is for the screen
	MostBytes int
}

// portrait cuts the face out of its frame and encodes it.
func portrait(o *Observation, e Encoding) (Portrait, error) {
	part := o.Frame.Part(around(o.Face))
	return EncodePortrait(part, o.Frame.Bounds(), o.Face.Points, e)
}

// EncodePortrait cuts the portrait of the face with its points at at and encodes
// it in at most e.MostBytes: at the best quality that fits, then with fewer
// pixels. img holds the part of the picture frame around the face, in the
// picture's coordinates.
func EncodePortrait(img *image.RGBA, frame image.Rectangle, at face.Points, e Encoding) (Portrait, error) {
	eyes := quality.EyeDistance(at)
	share := closeness(frame, at, eyes)
	// Never more pixels than the camera gave.
	width := min(widest, int(share*eyes/quality.TokenEyeShare)) / step * step
	width = max(width, narrowest)
	for {
		cut := CutPortrait(img, at, share, width)
		p, err := e.encode(cut, width <= narrowest)
		if err == nil {
			p.Size = cut.Rect.Size()
			return p, nil
		}
		if !errors.Is(err, errTooLarge) || width <= narrowest {
			return Portrait{}, fmt.Errorf("encode portrait: %w", err)
		}
		width = max(narrowest, width*4/5/step*step)
	}
}

// encode returns errTooLarge where fewer pixels would look better; smallest:
// there are no fewer.
func (e Encoding) encode(cut *image.RGBA, smallest bool) (p Portrait, err error) {
	if !e.JPEG2000 {
		least := leastJPEG
		if smallest {
			least = worstJPEG
		}
		p.JPEG, err = within(cut, e.MostBytes, least)
		return p, err
	}
	pixels := cut.Rect.Dx() * cut.Rect.Dy()
	if !smallest && float64(8*e.MostBytes) < leastBits*float64(pixels) {
		return p, errTooLarge
	}
	if p.JPEG2000, err = jpeg2000.Encode(cut, e.MostBytes); err != nil {
		return p, err
	}
	p.JPEG, err = within(cut, math.MaxInt, bestJPEG)
	return p, err
}

// closeness is the scale of the portrait's frame: 1 for a token image, less, at
// least quality.Tightest, where the picture ends before.
func closeness(frame image.Rectangle, at face.Points, eyes float64) float64 {
	x, y := (at[face.RightEye].X+at[face.LeftEye].X)/2, (at[face.RightEye].Y+at[face.LeftEye].Y)/2
	room := min(
		(x-float64(frame.Min.X))/quality.TokenSide, (float64(frame.Max.X)-x)/quality.TokenSide,
		(y-float64(frame.Min.Y))/quality.TokenAbove, (float64(frame.Max.Y)-y)/quality.TokenBelow) / eyes
	return math.Max(quality.Tightest, math.Min(1, room))
}

// CutPortrait is the portrait of the face with its eyes at at, width pixels
// wide, turned upright. share scales its frame: 1 is the token image. Beyond
// the picture's edge its last pixels go on.
func CutPortrait(img *image.RGBA, at face.Points, share float64, width int) *image.RGBA {
	height := int(math.Round(quality.TokenAspect * float64(width)))
	eyes := quality.TokenEyeShare / share * float64(width) // apart, in the portrait's pixels
	a := (at[face.LeftEye].X - at[face.RightEye].X) / eyes
	b := (at[face.LeftEye].Y - at[face.RightEye].Y) / eyes
	mx, my := (at[face.RightEye].X+at[face.LeftEye].X)/2, (at[face.RightEye].Y+at[face.LeftEye].Y)/2
	n := 1
	if math.Hypot(a, b) > 1.2 {
		n = 2 // samples a side where the picture is finer
	}
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	cx, cy := float64(width)/2, quality.TokenEyeLine*float64(width)
	for y := range height {
		for x := range width {
			var sum [3]float64
			for i := range n * n {
				dx := float64(x) + (float64(i%n)+0.5)/float64(n) - cx
				dy := float64(y) + (float64(i/n)+0.5)/float64(n) - cy
				addSample(img, mx+a*dx-b*dy-0.5, my+b*dx+a*dy-0.5, &sum)
			}
			p := out.Pix[y*out.Stride+4*x:][:4:4]
			for c := range sum {
				p[c] = uint8(sum[c]/float64(n*n) + 0.5)
			}
			p[3] = 255
		}
	}
	return out
}

// addSample adds the bilinear colour at (x, y), held inside the image.
func addSample(img *image.RGBA, x, y float64, sum *[3]float64) {
	r := img.Rect
	x = math.Max(float64(r.Min.X), math.Min(x, float64(r.Max.X-1)))
	y = math.Max(float64(r.Min.Y), math.Min(y, float64(r.Max.Y-1)))
	x0, y0 := min(int(x), r.Max.X-2), min(int(y), r.Max.Y-2)
	fx, fy := x-float64(x0), y-float64(y0)
	p := img.Pix[img.PixOffset(x0, y0):]
	q := p[img.Stride:]
	for c := range sum {
		top := float64(p[c])*(1-fx) + float64(p[4+c])*fx
		low := float64(q[c])*(1-fx) + float64(q[4+c])*fx
		sum[c] += top*(1-fy) + low*fy
	}
}

// within encodes img at the best quality, from least on, that fits into most bytes.
func within(img image.Image, most, least int) ([]byte, error) {
	encode := func(q int) ([]byte, error) {
		var b bytes.Buffer
		err := jpeg.Encode(&b, img, &jpeg.Options{Quality: q})
		return b.Bytes(), err
	}
	best, err := encode(bestJPEG)
	if err != nil || len(best) <= most {
		return best, err
	}
	best = nil
	for low, high := least, bestJPEG; low < high; { // the answer lies in [low, high)
		q := (low + high) / 2
		data, err := encode(q)
		if err != nil {
			return nil, err
		}
		if len(data) <= most {
			best, low = data, q+1
		} else {
			high = q
		}
	}
	if best == nil {
		return nil, errTooLarge
	}
	return best, nil
}
