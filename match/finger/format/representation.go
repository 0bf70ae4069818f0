package format

import "github.com/enrold/enrold/internal/eid"

// Codes of ISO/IEC 19794-1:2011 for what is not known.
const (
	qualityFailed       = 255 // the score could not be computed
	minutiaNotReported  = 254
	captureTimeBytes    = 9
	qualityBlockBytes   = 5
	certificationBytes  = 3
	captureDeviceBytes  = 5
	representationFixed = 4 + captureTimeBytes + captureDeviceBytes + 1
)

// representation2011 reads what every representation of the 2011 formats
// begins with (representation header of 19794-2:2011 and 19794-4:2011): length, capture
// time, device, quality and certification. It returns a cursor over the
// representation's rest.
func (c *cursor) representation2011(certified bool) (rest *cursor, quality int) {
	start := c.pos
	n := c.u32()
	if c.err == nil && (n < representationFixed || n > len(c.data)-start) {
		c.fail(start, "representation of %d bytes", n)
	}
	if c.err != nil {
		return &cursor{err: c.err}, -1
	}
	rest = &cursor{data: c.data[:start+n], pos: c.pos}
	c.pos = start + n
	rest.skip(captureTimeBytes + captureDeviceBytes)
	quality = -1
	for range rest.u8() {
		score := rest.u8()
		rest.skip(qualityBlockBytes - 1)
		if score <= maxQuality && quality < 0 { // the first algorithm's
			quality = score
		}
	}
	if certified {
		rest.skip(rest.u8() * certificationBytes)
	}
	return rest, quality
}

// representation2011 writes the same; the length is set by endRepresentation.
func (b *builder) representation2011(quality int) (start int) {
	start = len(b.out)
	b.u32(0)
	for range captureTimeBytes {
		b.u8(0xff) // not known: the desk's own record has it
	}
	b.zeros(captureDeviceBytes) // unspecified
	if quality < 0 {
		b.u8(0)
		return start
	}
	b.u8(1)
	b.u8(quality)
	b.zeros(qualityBlockBytes - 1) // vendor and algorithm unspecified
	return start
}

func (b *builder) endRepresentation(start int) { b.setU32(start, len(b.out)-start) }

// reported takes a quality byte that may also say that there is none.
func reported(v int) int {
	if v > maxQuality {
		return -1
	}
	return v
}

func position(v int) eid.FingerPosition { return eid.FingerPosition(v) }

// readISO2011 is ISO/IEC 19794-2:2011.
func readISO2011(c *cursor) (Record, error) {
	c.skip(8)
	c.limit(c.u32())
	count, certified := c.u16(), c.u8() == 1
	var r Record
	for i := 0; i < count && c.err == nil; i++ {
		rest, score := c.representation2011(certified)
		v := rest.view2011()
		v.Quality = score
		if rest.err != nil {
			return Record{}, rest.err
		}
		r.Views = append(r.Views, v)
	}
	return r, c.err
}

func (c *cursor) view2011() (v View) {
	v.Position, v.Number = position(c.u8()), c.u8()
	v.PixelsPerCmX, v.PixelsPerCmY = c.u16(), c.u16()
	v.Impression = Impression(c.u8())
	v.Width, v.Height = c.u16(), c.u16()
	at := c.pos
	size, n := c.u8()>>4, c.u8() // the low half says where endings are placed
	if c.err == nil && size != 5 && size != 6 {
		c.fail(at, "minutiae of %d bytes", size)
	}
	if c.err != nil || n*size > c.left() {
		c.fail(c.pos, "%d minutiae in %d bytes", n, c.left())
		return v
	}
	v.Minutiae = make([]Minutia, n)
	for i := range v.Minutiae {
		m := c.readMinutia(stepISO, size == 6)
		switch {
		case size == 5 || m.Quality > maxQuality: // 254 not reported, 255 failed
			m.Quality = 0
		case m.Quality == 0: // here the worst, which the neutral form counts from 1
			m.Quality = 1
		}
		v.Minutiae[i] = m
	}
	c.skip(c.u16()) // extended data
	return v
}

func writeISO2011(r Record) ([]byte, error) {
	const (
		length6          = 6 << 4
		ridgeSkeletonEnd = 1 // ridge ending type of 19794-2:2011: where this project's extractor places endings
	)
	var b builder
	b.text("FMR\x00030\x00")
	b.u32(0)
	b.u16(len(r.Views))
	b.u8(0) // no certification blocks
	for _, v := range r.Views {
		start := b.representation2011(v.Quality)
		b.u8(int(v.Position))
		b.u8(v.Number)
		b.u16(v.PixelsPerCmX)
		b.u16(v.PixelsPerCmY)
		b.u8(int(v.Impression))
		b.u16(v.Width)
		b.u16(v.Height)
		b.u8(length6 | ridgeSkeletonEnd)
		b.u8(len(v.Minutiae))
		for _, m := range v.Minutiae {
			b.writeMinutia(m, stepISO)
			if m.Quality == 0 {
				b.u8(minutiaNotReported)
			} else {
				b.u8(m.Quality)
			}
		}
		b.u16(0)
		b.endRepresentation(start)
	}
	b.setU32(8, len(b.out))
	return b.out, nil
}
