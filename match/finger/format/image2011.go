package format

import "fmt"

// readImages2011 is ISO/IEC 19794-4:2011. Segmentation, annotation and
// comments behind an image's data are skipped.
func readImages2011(c *cursor) ([]FingerImage, error) {
	c.skip(8)
	c.limit(c.u32())
	count, certified := c.u16(), c.u8() == 1
	c.skip(1) // number of distinct positions
	var out []FingerImage
	for i := 0; i < count && c.err == nil; i++ {
		rest, score := c.representation2011(certified)
		f := FingerImage{Quality: score}
		f.Position, f.Number = position(rest.u8()), rest.u8()
		f.DPI = rest.rates()
		f.Encoding = rest.encoding(encodings2011)
		f.Impression = Impression(rest.u8())
		f.Width, f.Height = rest.u16(), rest.u16()
		f.Data = rest.bytes(rest.u32())
		if rest.err != nil {
			return nil, fmt.Errorf("representation %d: %w", i, rest.err)
		}
		out = append(out, f)
	}
	return out, c.err
}

func writeImages2011(images []FingerImage) ([]byte, error) {
	positions := map[int]bool{}
	for _, f := range images {
		positions[int(f.Position)] = true
	}
	var b builder
	b.text("FIR\x00020\x00")
	b.u32(0)
	b.u16(len(images))
	b.u8(0) // no certification blocks
	b.u8(len(positions))
	for _, f := range images {
		compression, err := code(encodings2011, f.Encoding)
		if err != nil {
			return nil, err
		}
		start := b.representation2011(f.Quality)
		b.u8(int(f.Position))
		b.u8(f.Number)
		b.rates(f.DPI)
		b.u8(8)
		b.u8(compression)
		b.u8(int(f.Impression))
		b.u16(f.Width)
		b.u16(f.Height)
		b.u32(len(f.Data))
		b.bytes(f.Data)
		b.endRepresentation(start)
	}
	b.setU32(8, len(b.out))
	return b.out, nil
}
