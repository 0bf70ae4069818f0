package face

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"

	"github.com/enrold/enrold/internal/eid"
)

// Bounds of an image from outside. A chip's portrait is some tens of kilobytes
// (Doc 9303-9 §3), a camera frame a few hundred.
const (
	MaxImageBytes = 4 << 20
	MaxImageSide  = 4096
	minImageSide  = 32
)

// DecodeJPEG decodes a JPEG of any colour model into RGB, 8 bits a channel. The
// size is checked before a pixel is decoded; a damaged or unbounded image is
// eid.CodeInput. A JPEG may be baseline or progressive, gray, YCbCr or CMYK.
func DecodeJPEG(data []byte) (*image.RGBA, error) {
	const op = "decode jpeg"
	if len(data) > MaxImageBytes {
		return nil, eid.Fail(eid.CodeInput, op, fmt.Errorf("%d bytes are over the limit of %d", len(data), MaxImageBytes))
	}
	head, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, eid.Fail(eid.CodeInput, op, err)
	}
	if err := CheckSize(head.Width, head.Height); err != nil {
		return nil, eid.Fail(eid.CodeInput, op, err)
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, eid.Fail(eid.CodeInput, op, err)
	}
	return RGBA(img), nil
}

// CheckSize refuses an image whose sides cannot be those of a portrait or frame.
func CheckSize(width, height int) error {
	if width < minImageSide || height < minImageSide || width > MaxImageSide || height > MaxImageSide {
		return fmt.Errorf("%dx%d pixels: want %d to %d a side", width, height, minImageSide, MaxImageSide)
	}
	return nil
}

// RGBA returns img with its upper left corner at (0,0); img itself where it is so already.
func RGBA(img image.Image) *image.RGBA {
	if rgba, ok := img.(*image.RGBA); ok && rgba.Rect.Min == (image.Point{}) {
		return rgba
	}
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}
