package format

import (
	"fmt"
	"math"

	"github.com/enrold/enrold/match/finger/imagefile"
)

// Scale units of ISO/IEC 19794-4.
const (
	perInch = 1
	perCm   = 2
)

// Compression algorithm codes of ISO/IEC 19794-4:2005 and :2011. Of bit
// packed images only those of 8 bits are taken, which are not packed at all.
var (
	encodings2005 = []imagefile.Format{imagefile.Raw, imagefile.Raw, imagefile.WSQ, imagefile.JPEG, JPEG2000, imagefile.PNG}
	encodings2011 = []imagefile.Format{imagefile.Raw, imagefile.Raw, imagefile.WSQ, imagefile.JPEG, JPEG2000, JPEG2000, imagefile.PNG}
)

// encoding takes a compression code and the pixel depth before it.
func (c *cursor) encoding(codes []imagefile.Format) imagefile.Format {
	at := c.pos
	depth, code := c.u8(), c.u8()
	switch {
	case c.err != nil:
		return ""
	case code >= len(codes):
		c.fail(at+1, "compression code %d", code)
		return ""
	case depth != 8:
		c.err = fmt.Errorf("%w: %d bits a pixel at byte %d", ErrUnsupported, depth, at)
		return ""
	}
	return codes[code]
}

func code(codes []imagefile.Format, e imagefile.Format) (int, error) {
	for i, c := range codes {
		if c == e {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: no code for %q data", ErrRange, e)
}

// rates reads scale units, the scanner's and the image's sampling rates and
// returns the image's in dpi.
func (c *cursor) rates() int {
	at := c.pos
	unit := c.u8()
	c.skip(4)
	x, y := c.u16(), c.u16()
	switch {
	case x != y && c.err == nil:
		c.err = fmt.Errorf("%w: pixels of %d x %d a unit are not square, at byte %d", ErrUnsupported, x, y, at)
	case unit == perCm:
		return dpi(x)
	case unit != perInch:
		c.fail(at, "scale unit %d", unit)
	}
	return x
}

func (b *builder) rates(dpi int) {
	b.u8(perInch)
	for range 4 {
		b.u16(dpi)
	}
}

const imageHeader2005 = 14

// readImages2005 is ISO/IEC 19794-4:2005: a general header, then finger images.
func readImages2005(c *cursor) ([]FingerImage, error) {
	c.skip(8) // format and version
	c.limit(c.number(6))
	c.skip(2 + 2) // capture device, acquisition level
	count := c.u8()
	var record FingerImage
	record.DPI = c.rates()
	record.Encoding = c.encoding(encodings2005)
	c.skip(2)
	var out []FingerImage
	// A finger may have several views, each with its own header: the record's
	// end, not the number of fingers, ends the list.
	for c.err == nil && c.left() > 0 {
		at := c.pos
		f := record
		n := c.u32()
		f.Position = position(c.u8())
		c.skip(1) // number of views of this finger
		f.Number = max(c.u8()-1, 0)
		f.Quality = reported(c.u8())
		f.Impression = Impression(c.u8())
		f.Width, f.Height = c.u16(), c.u16()
		c.skip(1)
		f.Data = c.bytes(n - imageHeader2005)
		if c.err != nil {
			return nil, fmt.Errorf("image at byte %d: %w", at, c.err)
		}
		out = append(out, f)
	}
	if c.err == nil && len(out) < count {
		c.fail(c.pos, "%d images of %d fingers", len(out), count)
	}
	return out, c.err
}

func writeImages2005(images []FingerImage) ([]byte, error) {
	first := images[0]
	compression, err := code(encodings2005, first.Encoding)
	if err != nil {
		return nil, err
	}
	views := map[int]int{}
	for i, f := range images {
		if f.DPI != first.DPI || f.Encoding != first.Encoding {
			return nil, fmt.Errorf("%w: image %d has a resolution or encoding unlike the first's", ErrRange, i)
		}
		views[int(f.Position)]++
	}
	var b builder
	b.text("FIR\x00010\x00")
	b.zeros(6)
	b.u16(0) // capture device not reported
	b.u16(acquisitionLevel(first.DPI))
	b.u8(len(views))
	b.rates(first.DPI)
	b.u8(8)
	b.u8(compression)
	b.u16(0)
	for _, f := range images {
		b.u32(imageHeader2005 + len(f.Data))
		b.u8(int(f.Position))
		b.u8(views[int(f.Position)])
		b.u8(f.Number + 1)
		if f.Quality < 0 {
			b.u8(254) // undefined
		} else {
			b.u8(f.Quality)
		}
		b.u8(int(f.Impression))
		b.u16(f.Width)
		b.u16(f.Height)
		b.u8(0)
		b.bytes(f.Data)
	}
	if len(b.out) > math.MaxInt32 {
		return nil, fmt.Errorf("%w: %d bytes", ErrRange, len(b.out))
	}
	b.setU32(10, len(b.out)) // the lower four of six bytes
	return b.out, nil
}

// acquisitionLevel is the image acquisition settings level for images of 8 bits.
func acquisitionLevel(dpi int) int {
	switch {
	case dpi >= 990:
		return 41
	case dpi >= 740:
		return 35
	case dpi >= 490:
		return 31
	case dpi >= 245:
		return 20
	}
	return 10
}
