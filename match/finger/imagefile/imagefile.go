// Package imagefile reads and writes grey images in the files that fingerprint
// sets and devices use: PNG, TIFF, BMP, JPEG, WSQ, PGM and bare pixels.
//
// Pixels come out as they are stored: no gamma and no colour profile is
// applied, since a changed grey moves minutiae. Colour becomes luma, 16 bits
// their upper half. Everything read is bounded before memory is taken.
package imagefile

import (
	"errors"
	"fmt"
	"math"

	"github.com/enrold/enrold/match/finger/wsq"
)

// Image is one grey image, row major, 0 black to 255 white.
type Image struct {
	Width, Height int
	DPI           int    // dots per inch, 0 where the file does not say
	Pixels        []byte // Width*Height
}

// Bounds of an image: more is refused before memory is taken.
const (
	MaxSide   = wsq.MaxSide
	MaxPixels = wsq.MaxPixels
)

// Format of a file, by the name that a person would give.
type Format string

// Formats that Read knows by their first bytes. Raw has none: see ReadRaw.
const (
	PNG  Format = "png"
	TIFF Format = "tiff"
	BMP  Format = "bmp"
	JPEG Format = "jpeg"
	WSQ  Format = "wsq"
	PGM  Format = "pgm"
	Raw  Format = "raw"
)

// Errors that the readers and writers wrap.
var (
	ErrFormat      = errors.New("malformed image")
	ErrUnsupported = errors.New("unsupported image")
	ErrTooLarge    = errors.New("image out of bounds")
)

// Detect names the format of data by its first bytes, "" for none of them.
func Detect(data []byte) Format {
	begins := func(magic string) bool { return len(data) >= len(magic) && string(data[:len(magic)]) == magic }
	switch {
	case begins(pngMagic):
		return PNG
	case begins("II*\x00"), begins("MM\x00*"):
		return TIFF
	case begins("BM"):
		return BMP
	case begins("\xff\xd8\xff"):
		return JPEG
	case wsq.Magic(data):
		return WSQ
	case begins("P5"):
		return PGM
	}
	return ""
}

// Read decodes a file of any format that Detect knows.
func Read(data []byte) (Image, Format, error) {
	f := Detect(data)
	read := map[Format]func([]byte) (Image, error){
		PNG: readPNG, TIFF: readTIFF, BMP: readBMP, JPEG: readJPEG, WSQ: readWSQ, PGM: readPGM,
	}[f]
	if read == nil {
		return Image{}, "", fmt.Errorf("read image: %w: no known first bytes", ErrUnsupported)
	}
	img, err := read(data)
	if err != nil {
		return Image{}, f, fmt.Errorf("read %s: %w", f, err)
	}
	return img, f, nil
}

// Write encodes img. JPEG is written at quality 95 and, like WSQ (at the FBI's
// 0.75 bits a pixel), loses detail; the others lose nothing. PGM
// has no resolution, Raw neither that nor a size.
func Write(img Image, f Format) ([]byte, error) {
	if err := img.Check(); err != nil {
		return nil, fmt.Errorf("write %s: %w", f, err)
	}
	var data []byte
	var err error
	switch f {
	case PNG:
		data, err = writePNG(img)
	case TIFF:
		data = writeTIFF(img)
	case BMP:
		data = writeBMP(img)
	case JPEG:
		data, err = writeJPEG(img)
	case WSQ:
		data, err = WriteWSQ(img, wsq.RateStandard)
	case PGM:
		data = writePGM(img)
	case Raw:
		data = append(data, img.Pixels...)
	default:
		err = fmt.Errorf("%w: no such format", ErrUnsupported)
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", f, err)
	}
	return data, nil
}

// ReadRaw takes bare pixels, 8 bits each, whose size the caller knows.
func ReadRaw(pixels []byte, width, height, dpi int) (Image, error) {
	img := Image{Width: width, Height: height, DPI: dpi, Pixels: pixels}
	if err := img.Check(); err != nil {
		return Image{}, fmt.Errorf("read raw: %w", err)
	}
	return img, nil
}

// Check reports what is wrong with an image: its bounds, or a number of pixels
// that is not its size.
func (img Image) Check() error {
	if err := checkSize(img.Width, img.Height); err != nil {
		return err
	}
	if len(img.Pixels) != img.Width*img.Height {
		return fmt.Errorf("%w: %d bytes for %dx%d", ErrFormat, len(img.Pixels), img.Width, img.Height)
	}
	if img.DPI < 0 || img.DPI > maxDPI {
		return fmt.Errorf("%w: %d dpi", ErrFormat, img.DPI)
	}
	return nil
}

func checkSize(width, height int) error {
	if width < 1 || height < 1 || width > MaxSide || height > MaxSide || width*height > MaxPixels {
		return fmt.Errorf("%w: %dx%d", ErrTooLarge, width, height)
	}
	return nil
}

const maxDPI = 10000

// resolution turns pixels a unit (inches in the unit) into dpi. Absent or
// absurd values give 0; pixels that are not square are refused, since the
// ridges would be.
func resolution(x, y, inches float64) (int, error) {
	x, y = x/inches, y/inches
	if !(x >= 1 && x <= maxDPI) {
		return 0, nil
	}
	if y >= 1 && y <= maxDPI && math.Abs(x-y) > 0.01*max(x, y) {
		return 0, fmt.Errorf("%w: %.0f x %.0f dpi are not square pixels", ErrUnsupported, x, y)
	}
	return int(math.Round(x)), nil
}

const (
	metre      = 39.37007874 // inches
	centimetre = metre / 100
)

// luma of ITU-R BT.601; of equal parts it is that part.
func luma(r, g, b uint8) uint8 {
	return uint8((299*uint32(r) + 587*uint32(g) + 114*uint32(b) + 500) / 1000)
}
