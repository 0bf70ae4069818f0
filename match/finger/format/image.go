package format

import (
	"fmt"
	"math"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/finger/imagefile"
)

// FingerImage is one impression of an image record. Its data stay encoded
// until Decode is called, so that reading a record takes no more memory than
// the record itself.
type FingerImage struct {
	Position   eid.FingerPosition // 0 unknown, 1..10 fingers, 13..15 groups, above: palms
	Number     int                // of the view of this finger, from 0
	Impression Impression
	Quality    int // 0 worst to 100, -1 not reported

	Width, Height int // pixels; 0 not stated outside the data
	DPI           int // 0 not stated outside the data

	Encoding imagefile.Format // Raw, WSQ, JPEG, PNG, PGM or JPEG2000
	Data     []byte           // aliases the record it was read from
}

// JPEG2000 is named where a record has it; nothing here decodes it.
const JPEG2000 imagefile.Format = "jp2"

// NewFingerImage encodes img for a record: Raw, PNG, WSQ or JPEG.
func NewFingerImage(at eid.FingerPosition, img imagefile.Image, encoding imagefile.Format) (FingerImage, error) {
	data, err := imagefile.Write(img, encoding)
	if err != nil {
		return FingerImage{}, fmt.Errorf("make finger image: %w", err)
	}
	return FingerImage{
		Position: at, Quality: -1, Width: img.Width, Height: img.Height, DPI: img.DPI, Encoding: encoding, Data: data,
	}, nil
}

// Decode returns the pixels. The data must be what the record says: another
// encoding or another size is ErrFormat.
func (f FingerImage) Decode() (imagefile.Image, error) {
	if f.Encoding == imagefile.Raw {
		img, err := imagefile.ReadRaw(f.Data, f.Width, f.Height, f.DPI)
		if err != nil {
			return imagefile.Image{}, fmt.Errorf("decode finger image: %w", err)
		}
		return img, nil
	}
	if f.Encoding == JPEG2000 {
		return imagefile.Image{}, fmt.Errorf("decode finger image: %w: JPEG 2000", ErrUnsupported)
	}
	img, encoding, err := imagefile.Read(f.Data)
	switch {
	case err != nil:
		return imagefile.Image{}, fmt.Errorf("decode finger image: %w", err)
	case encoding != f.Encoding:
		return imagefile.Image{}, fmt.Errorf("decode finger image: %w: %s data under the code of %s", ErrFormat, encoding, f.Encoding)
	case f.Width != 0 && f.Width != img.Width || f.Height != 0 && f.Height != img.Height:
		return imagefile.Image{}, fmt.Errorf("decode finger image: %w: %dx%d data in a record of %dx%d", ErrFormat, img.Width, img.Height, f.Width, f.Height)
	}
	if f.DPI != 0 {
		img.DPI = f.DPI
	}
	return img, nil
}

// ReadImages decodes an image record of any known format.
func ReadImages(data []byte) ([]FingerImage, Format, error) {
	f := Detect(data)
	read := map[Format]func(*cursor) ([]FingerImage, error){
		ImageISO2005: readImages2005, ImageISO2011: readImages2011, ImageISO39794: read39794Images,
	}[f]
	if read == nil {
		return nil, f, fmt.Errorf("read finger images: %w: not a finger image record", ErrUnsupported)
	}
	if len(data) > MaxBytes {
		return nil, f, fmt.Errorf("read finger images: %w: %d bytes", ErrUnsupported, len(data))
	}
	images, err := read(&cursor{data: data})
	if err != nil {
		return nil, f, fmt.Errorf("read %s: %w", f, err)
	}
	return images, f, nil
}

// WriteImages encodes images of one record. What the format cannot hold gives ErrRange.
func WriteImages(images []FingerImage, f Format) ([]byte, error) {
	write := map[Format]func([]FingerImage) ([]byte, error){
		ImageISO2005: writeImages2005, ImageISO2011: writeImages2011,
	}[f]
	if write == nil {
		return nil, fmt.Errorf("write finger images: %w: format %q is not written", ErrUnsupported, f)
	}
	if len(images) == 0 || len(images) > 255 {
		return nil, fmt.Errorf("write %s: %w: %d images", f, ErrRange, len(images))
	}
	for i, m := range images {
		if m.Position < 0 || m.Position > 255 || m.Number < 0 || m.Number > 15 || m.Quality < -1 || m.Quality > maxQuality ||
			m.Width < 1 || m.Width > math.MaxUint16 || m.Height < 1 || m.Height > math.MaxUint16 || m.DPI < 1 || m.DPI > math.MaxUint16 {
			return nil, fmt.Errorf("write %s: %w: image %d", f, ErrRange, i)
		}
	}
	data, err := write(images)
	if err == nil && len(data) > MaxBytes {
		err = fmt.Errorf("%w: %d bytes", ErrRange, len(data))
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", f, err)
	}
	return data, nil
}

// dpi converts a sampling rate in pixels a centimetre. Several dpi round to the
// same rate; the roundest is meant: 197 is 500 dpi, not 500.38.
func dpi(perCm int) int {
	best, bestStep := int(math.Round(float64(perCm)*2.54)), 1
	for d := best - 2; d <= best+2; d++ {
		for _, step := range []int{250, 100, 50, 10} {
			if step > bestStep && d%step == 0 && d > 0 && int(math.Round(float64(d)/2.54)) == perCm {
				best, bestStep = d, step
			}
		}
	}
	return best
}

// PixelsPerCm converts a resolution to the unit of the minutiae formats.
func PixelsPerCm(dpi int) int { return int(math.Round(float64(dpi) / 2.54)) }

// DPI is the view's horizontal resolution, 0 where it is not reported.
func (v View) DPI() int { return dpi(v.PixelsPerCmX) }
