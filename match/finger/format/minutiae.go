package format

import (
	"fmt"
	"math"
)

// Steps of an angle in degrees.
const (
	stepISO  = 360.0 / 256 // ISO/IEC 19794-2
	stepANSI = 2.0         // ANSI/INCITS 378
)

// readMinutia reads one of five bytes, or six with its quality: type and X, two
// reserved bits and Y, angle (finger minutiae data of 19794-2 and 378).
func (c *cursor) readMinutia(step float64, withQuality bool) (m Minutia) {
	at := c.pos
	x, y, angle := c.u16(), c.u16(), c.u8()
	m = Minutia{X: x & maxCoordinate, Y: y & maxCoordinate, Angle: float64(angle) * step, Type: MinutiaType(x >> 14)}
	if m.Type > Bifurcation {
		m.Type = Other // code 3 is reserved
	}
	if m.Angle >= 360 {
		c.fail(at+4, "angle code %d", angle)
	}
	if withQuality {
		m.Quality = c.u8()
	}
	return m
}

func (b *builder) writeMinutia(m Minutia, step float64) {
	b.u16(int(m.Type)<<14 | m.X)
	b.u16(m.Y)
	b.u8(int(math.Round(m.Angle/step)) % int(360/step))
}

// common reports the sizes that all views must share where the record states
// them once.
func (r Record) common() (View, error) {
	first := r.Views[0]
	for i, v := range r.Views {
		if v.Width != first.Width || v.Height != first.Height || v.PixelsPerCmX != first.PixelsPerCmX || v.PixelsPerCmY != first.PixelsPerCmY {
			return View{}, fmt.Errorf("%w: view %d has an image unlike the first's", ErrRange, i)
		}
		if v.Impression > 15 {
			return View{}, fmt.Errorf("%w: view %d: impression type %d", ErrRange, i, v.Impression)
		}
	}
	if len(r.Views) > 255 {
		return View{}, fmt.Errorf("%w: %d views", ErrRange, len(r.Views))
	}
	return first, nil
}

// readISO2005 is ISO/IEC 19794-2:2005, the record format (not the card formats).
func readISO2005(c *cursor) (Record, error) {
	c.skip(8) // format and version, by which it was detected
	c.limit(c.u32())
	c.skip(2) // capture equipment
	return c.readBody(stepISO)
}

// readANSI378 is ANSI/INCITS 378-2004.
func readANSI378(c *cursor) (Record, error) {
	c.skip(8)
	n := c.u16()
	if n == 0 { // longer than two bytes can say
		n = c.u32()
	}
	c.limit(n)
	c.skip(4 + 2) // CBEFF product identifier, capture equipment
	return c.readBody(stepANSI)
}

// readBody reads what the two formats share from the image's size on.
func (c *cursor) readBody(step float64) (Record, error) {
	var image View
	image.Width, image.Height = c.u16(), c.u16()
	image.PixelsPerCmX, image.PixelsPerCmY = c.u16(), c.u16()
	count := c.u8()
	c.skip(1)
	var r Record
	for range count {
		v := image
		v.Position = position(c.u8())
		kind := c.u8()
		v.Number, v.Impression = kind>>4, Impression(kind&0xf)
		v.Quality = reported(c.u8())
		n := c.u8()
		if c.err != nil || n*6 > c.left() {
			c.fail(c.pos, "%d minutiae in %d bytes", n, c.left())
			return Record{}, c.err
		}
		v.Minutiae = make([]Minutia, n)
		for i := range v.Minutiae {
			m := c.readMinutia(step, true)
			if m.Quality > maxQuality {
				m.Quality = 0
			}
			v.Minutiae[i] = m
		}
		c.skip(c.u16()) // extended data
		r.Views = append(r.Views, v)
	}
	return r, c.err
}

func writeISO2005(r Record) ([]byte, error) {
	var b builder
	b.text("FMR\x00 20\x00")
	b.u32(0)
	b.u16(0) // capture equipment not reported
	if err := b.writeBody(r, stepISO); err != nil {
		return nil, err
	}
	b.setU32(8, len(b.out))
	return b.out, nil
}

// vendorUnknown is IBIA's organisation number for a vendor not reported.
const vendorUnknown = 0x0103

func writeANSI378(r Record) ([]byte, error) {
	var rest builder
	rest.u16(vendorUnknown) // CBEFF product identifier; 0 is no owner
	rest.u16(0)
	rest.u16(0)
	if err := rest.writeBody(r, stepANSI); err != nil {
		return nil, err
	}
	var b builder
	b.text("FMR\x00 20\x00")
	if n := len(b.out) + 2 + len(rest.out); n <= math.MaxUint16 {
		b.u16(n)
	} else {
		b.u16(0)
		b.u32(n + 4)
	}
	b.bytes(rest.out)
	return b.out, nil
}

func (b *builder) writeBody(r Record, step float64) error {
	image, err := r.common()
	if err != nil {
		return err
	}
	b.u16(image.Width)
	b.u16(image.Height)
	b.u16(image.PixelsPerCmX)
	b.u16(image.PixelsPerCmY)
	b.u8(len(r.Views))
	b.u8(0)
	for _, v := range r.Views {
		b.u8(int(v.Position))
		b.u8(v.Number<<4 | int(v.Impression))
		b.u8(max(v.Quality, 0)) // these formats have no code for "not reported"
		b.u8(len(v.Minutiae))
		for _, m := range v.Minutiae {
			b.writeMinutia(m, step)
			b.u8(m.Quality)
		}
		b.u16(0) // no extended data
	}
	return nil
}
