// Package imagefile reads photographs of faces from files: JPEG, PNG, GIF, WebP,
// BMP, PGM or PPM and JPEG 2000, of any colour model and depth, turned as their EXIF data
// say. Everything is bounded by its header before a pixel is decoded; whatever
// cannot be read is eid.CodeInput with the reason.
package imagefile

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/jpeg2000"
)

// MaxBytes bounds a file.
const MaxBytes = 32 << 20

// Format of a file, as its first bytes tell.
type Format string

// Formats that Read knows.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	GIF  Format = "gif"
	WebP Format = "webp"
	BMP  Format = "bmp"
	PNM  Format = "pnm"
	JP2  Format = "jp2"
)

var (
	errUnknown  = errors.New("neither JPEG, PNG, GIF, WebP, BMP, PGM nor JPEG 2000")
	errAnimated = errors.New("the image is animated: a portrait is one picture")
	errFormat   = errors.New("malformed image")
)

// codec reads one format: check looks at what the header does not tell.
type codec struct {
	check  func([]byte) error
	config func([]byte) (image.Config, error)
	decode func([]byte) (image.Image, error)
}

var codecs = map[Format]codec{
	JPEG: {nil, configBy(jpeg.DecodeConfig), imageBy(jpeg.Decode)},
	PNG:  {checkPNG, configBy(png.DecodeConfig), imageBy(png.Decode)},
	GIF:  {checkGIF, configBy(gif.DecodeConfig), imageBy(gif.Decode)},
	WebP: {checkWebP, configBy(webp.DecodeConfig), imageBy(webp.Decode)},
	BMP:  {nil, configBy(bmp.DecodeConfig), imageBy(bmp.Decode)},
	PNM:  {nil, configPNM, decodePNM},
	JP2:  {nil, jpeg2000.DecodeConfig, decodeJP2},
}

// Detect names the format of data by its first bytes, "" for none of them.
func Detect(data []byte) Format {
	begins := func(magic string) bool { return len(data) >= len(magic) && string(data[:len(magic)]) == magic }
	switch {
	case begins("\xff\xd8\xff"):
		return JPEG
	case begins("\x89PNG\r\n\x1a\n"):
		return PNG
	case begins("GIF87a"), begins("GIF89a"):
		return GIF
	case begins("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return WebP
	case begins("BM"):
		return BMP
	case begins("P5"), begins("P6"):
		return PNM
	case jpeg2000.Is(data):
		return JP2
	}
	return ""
}

// Read decodes a file of any known format, 8 bits a channel, upright. All
// failures are eid.CodeInput.
func Read(data []byte) (*image.RGBA, error) {
	img, err := read(data)
	if err != nil {
		return nil, eid.Fail(eid.CodeInput, "read image", err)
	}
	return img, nil
}

func read(data []byte) (*image.RGBA, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%d bytes are over the limit of %d", len(data), MaxBytes)
	}
	format := Detect(data)
	c, ok := codecs[format]
	if !ok {
		return nil, errUnknown
	}
	head, err := c.config(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	if err := face.CheckSize(head.Width, head.Height); err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	if c.check != nil {
		if err := c.check(data); err != nil {
			return nil, fmt.Errorf("%s: %w", format, err)
		}
	}
	img, err := c.decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	// A frame may be smaller than the picture that the header speaks of.
	if err := face.CheckSize(img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	rgba := face.RGBA(img)
	if format == JPEG {
		rgba = turn(rgba, orientation(data))
	}
	return rgba, nil
}

func configBy(decode func(r reader) (image.Config, error)) func([]byte) (image.Config, error) {
	return func(data []byte) (image.Config, error) { return decode(bytes.NewReader(data)) }
}

func imageBy(decode func(r reader) (image.Image, error)) func([]byte) (image.Image, error) {
	return func(data []byte) (image.Image, error) { return decode(bytes.NewReader(data)) }
}

func decodeJP2(data []byte) (image.Image, error) { return jpeg2000.Decode(data) }
