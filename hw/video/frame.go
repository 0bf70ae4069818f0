package video

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"time"

	"gocv.io/x/gocv"
)

const maxSide = 8192

// Frame is one picture of the camera. It is never changed after it was made, so
// that any number of consumers may share it.
type Frame struct {
	Seq    uint64    // counts up from 1 within one Source
	Taken  time.Time // when the driver handed it over
	Width  int
	Height int
	bgr    []byte // Width*Height*3, row major, blue first
}

// NewFrame makes a frame from blue-green-red bytes, which it keeps.
func NewFrame(seq uint64, taken time.Time, width, height int, bgr []byte) (*Frame, error) {
	if width <= 0 || height <= 0 || width > maxSide || height > maxSide || len(bgr) != 3*width*height {
		return nil, fmt.Errorf("%d bytes are no frame of %dx%d", len(bgr), width, height)
	}
	return &Frame{Seq: seq, Taken: taken, Width: width, Height: height, bgr: bgr}, nil
}

// Bounds is the frame's rectangle, from (0,0).
func (f *Frame) Bounds() image.Rectangle { return image.Rect(0, 0, f.Width, f.Height) }

// Same tells whether f and g show exactly the same pixels, which two pictures of
// a living sensor never do.
func (f *Frame) Same(g *Frame) bool {
	return f.Width == g.Width && f.Height == g.Height && bytes.Equal(f.bgr, g.bgr)
}

// Gray returns a gray copy at most width pixels wide, without padding between rows.
func (f *Frame) Gray(width int) (*image.Gray, error) {
	var out *image.Gray
	err := f.scaled(width, func(m gocv.Mat) error {
		gray := gocv.NewMat()
		defer gray.Close()
		gocv.CvtColor(m, &gray, gocv.ColorBGRToGray)
		out = &image.Gray{Pix: gray.ToBytes(), Stride: gray.Cols(), Rect: image.Rect(0, 0, gray.Cols(), gray.Rows())}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make gray copy: %w", err)
	}
	return out, nil
}

// RGBA returns a colour copy at most width pixels wide, without padding between rows.
func (f *Frame) RGBA(width int) (*image.RGBA, error) {
	var out *image.RGBA
	err := f.scaled(width, func(m gocv.Mat) error {
		rgba := gocv.NewMat()
		defer rgba.Close()
		gocv.CvtColor(m, &rgba, gocv.ColorBGRToRGBA)
		out = &image.RGBA{Pix: rgba.ToBytes(), Stride: 4 * rgba.Cols(), Rect: image.Rect(0, 0, rgba.Cols(), rgba.Rows())}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make colour copy: %w", err)
	}
	return out, nil
}

// Part returns the pixels of r that the frame has, in the frame's coordinates.
func (f *Frame) Part(r image.Rectangle) *image.RGBA {
	out := image.NewRGBA(r.Intersect(f.Bounds()))
	for y := range out.Rect.Dy() {
		src := f.bgr[3*((out.Rect.Min.Y+y)*f.Width+out.Rect.Min.X):]
		dst := out.Pix[y*out.Stride : y*out.Stride+4*out.Rect.Dx()]
		for i, j := 0, 0; i < len(dst); i, j = i+4, j+3 {
			p, q := dst[i:i+4:i+4], src[j:j+3:j+3]
			p[0], p[1], p[2], p[3] = q[2], q[1], q[0], 255
		}
	}
	return out
}

// JPEG encodes the frame at most width pixels wide; quality is 1 to 100.
func (f *Frame) JPEG(width, quality int) ([]byte, error) {
	var out []byte
	err := f.scaled(width, func(m gocv.Mat) error {
		buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, m, []int{gocv.IMWriteJpegQuality, min(100, max(1, quality))})
		if err != nil {
			return err
		}
		defer buf.Close()
		out = append(out, buf.GetBytes()...) // the buffer is C memory
		if len(out) == 0 {
			return errors.New("encoder gave nothing")
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	return out, nil
}

// scaled gives do the frame as a matrix at most width wide. NewFrame made sure
// that the bytes fill the matrix: OpenCV would abort the process otherwise.
func (f *Frame) scaled(width int, do func(gocv.Mat) error) error {
	whole, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC3, f.bgr)
	if err != nil {
		return err
	}
	defer whole.Close()
	if width <= 0 || width >= f.Width {
		return do(whole)
	}
	small := gocv.NewMat()
	defer small.Close()
	size := image.Pt(width, max(1, (f.Height*width+f.Width/2)/f.Width))
	gocv.Resize(whole, &small, size, 0, 0, gocv.InterpolationArea)
	return do(small)
}
