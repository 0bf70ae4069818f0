package imagefile

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Tags of TIFF 6.0 that matter to a grey image.
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBits            = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagStripOffsets    = 273
	tagSamples         = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagXResolution     = 282
	tagYResolution     = 283
	tagPlanar          = 284
	tagResolutionUnit  = 296
	tagPredictor       = 317
	tagColorMap        = 320
	tagTileWidth       = 322
	tagSampleFormat    = 339
)

// Photometric interpretations.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgb         = 2
	palette     = 3
)

// Field types: 3 is SHORT, 4 LONG, 5 RATIONAL.
var tiffTypeBytes = map[uint16]int{1: 1, 3: 2, 4: 4, 5: 8}

// directory is the first image of a file: its fields, still encoded.
type directory struct {
	data   []byte
	order  binary.ByteOrder
	fields map[uint16]field
}

type field struct {
	kind  uint16
	count int
	value []byte // count values of the kind
}

func readTIFF(data []byte) (Image, error) {
	t, err := openTIFF(data)
	if err != nil {
		return Image{}, err
	}
	l, err := t.layout()
	if err != nil {
		return Image{}, err
	}
	stored, err := t.strips(l)
	if err != nil {
		return Image{}, err
	}
	img := Image{Width: l.width, Height: l.height, Pixels: l.grey(stored)}
	switch x, y := t.rational(tagXResolution), t.rational(tagYResolution); t.number(tagResolutionUnit, 2) {
	case 2:
		img.DPI, err = resolution(x, y, 1)
	case 3:
		img.DPI, err = resolution(x, y, centimetre)
	}
	return img, err
}

// openTIFF reads the directory of the first image, TIFF 6.0 section 2.
func openTIFF(data []byte) (*directory, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("%w: %d bytes", ErrFormat, len(data))
	}
	t := &directory{data: data, order: binary.LittleEndian, fields: map[uint16]field{}}
	if data[0] == 'M' {
		t.order = binary.BigEndian
	}
	at := int64(t.order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return nil, fmt.Errorf("%w: directory at byte %d of %d", ErrFormat, at, len(data))
	}
	n := int64(t.order.Uint16(data[at:]))
	if at+2+12*n > int64(len(data)) {
		return nil, fmt.Errorf("%w: directory of %d entries at byte %d", ErrFormat, n, at)
	}
	for i := range n {
		e := data[at+2+12*i:][:12]
		kind, count := t.order.Uint16(e[2:]), int64(t.order.Uint32(e[4:]))
		size := int64(tiffTypeBytes[kind]) * count
		if size == 0 {
			continue // a kind that no field here has
		}
		value := e[8:12]
		if size > 4 {
			from := int64(t.order.Uint32(e[8:]))
			if from+size > int64(len(data)) {
				return nil, fmt.Errorf("%w: field %d at byte %d of %d", ErrFormat, t.order.Uint16(e), from, len(data))
			}
			value = data[from : from+size]
		}
		t.fields[t.order.Uint16(e)] = field{kind, int(count), value[:size]}
	}
	return t, nil
}

// at returns value i of a field of whole numbers.
func (t *directory) at(f field, i int) int64 {
	switch f.kind {
	case 1:
		return int64(f.value[i])
	case 3:
		return int64(t.order.Uint16(f.value[2*i:]))
	case 4:
		return int64(t.order.Uint32(f.value[4*i:]))
	}
	return 0
}

// number is the first value of a field, or what it is where it is absent.
func (t *directory) number(tag uint16, absent int64) int64 {
	if f, ok := t.fields[tag]; ok {
		return t.at(f, 0)
	}
	return absent
}

func (t *directory) rational(tag uint16) float64 {
	f := t.fields[tag]
	if f.kind != 5 || t.order.Uint32(f.value[4:]) == 0 {
		return 0
	}
	return float64(t.order.Uint32(f.value)) / float64(t.order.Uint32(f.value[4:]))
}

// layout is how the pixels are stored.
type layout struct {
	width, height, samples, bits int
	rowsPerStrip, photometric    int
	compression, predictor       int64
	upper                        int // which byte of a sample is shown
	palette                      [256]uint8
}

func (l *layout) rowBytes() int { return l.width * l.samples * l.bits / 8 }

func (t *directory) layout() (*layout, error) {
	l := &layout{
		width: int(t.number(tagWidth, 0)), height: int(t.number(tagHeight, 0)),
		samples: int(t.number(tagSamples, 1)), bits: int(t.number(tagBits, 1)),
		photometric: int(t.number(tagPhotometric, blackIsZero)),
		compression: t.number(tagCompression, 1), predictor: t.number(tagPredictor, 1),
	}
	if err := checkSize(l.width, l.height); err != nil {
		return nil, err
	}
	l.rowsPerStrip = int(min(t.number(tagRowsPerStrip, math.MaxUint32), int64(l.height)))
	colour := l.photometric == rgb
	_, tiled := t.fields[tagTileWidth]
	switch {
	case tiled:
		return nil, fmt.Errorf("%w: tiles", ErrUnsupported)
	case l.bits != 8 && (l.bits != 16 || l.photometric == palette), t.number(tagSampleFormat, 1) != 1:
		return nil, fmt.Errorf("%w: %d bits a sample", ErrUnsupported, l.bits)
	case l.photometric > palette, colour && l.samples < 3, l.samples < 1 || l.samples > 4, l.samples > 1 && t.number(tagPlanar, 1) != 1:
		return nil, fmt.Errorf("%w: photometric %d with %d samples", ErrUnsupported, l.photometric, l.samples)
	case l.predictor != 1 && (l.predictor != 2 || l.bits != 8):
		return nil, fmt.Errorf("%w: predictor %d", ErrUnsupported, l.predictor)
	case l.rowsPerStrip < 1:
		return nil, fmt.Errorf("%w: no rows in a strip", ErrFormat)
	}
	if l.bits == 16 && t.order == binary.LittleEndian {
		l.upper = 1
	}
	if l.photometric == palette {
		f := t.fields[tagColorMap]
		if f.kind != 3 || f.count != 3*256 {
			return nil, fmt.Errorf("%w: palette of %d values", ErrFormat, f.count)
		}
		part := func(i int) uint8 { return uint8(t.at(f, i) >> 8) }
		for i := range 256 {
			l.palette[i] = luma(part(i), part(256+i), part(512+i))
		}
	}
	return l, nil
}

// strips returns the stored samples of the whole image.
func (t *directory) strips(l *layout) ([]byte, error) {
	offsets, counts := t.fields[tagStripOffsets], t.fields[tagStripByteCounts]
	n := (l.height + l.rowsPerStrip - 1) / l.rowsPerStrip
	if offsets.count < n {
		return nil, fmt.Errorf("%w: %d of %d strips", ErrFormat, offsets.count, n)
	}
	out := make([]byte, 0, l.rowBytes()*l.height)
	for i := range n {
		want := l.rowBytes() * min(l.rowsPerStrip, l.height-i*l.rowsPerStrip)
		from, size := t.at(offsets, i), int64(want)
		if i < counts.count {
			size = t.at(counts, i)
		}
		if from+size > int64(len(t.data)) {
			return nil, fmt.Errorf("%w: strip of %d bytes at byte %d of %d", ErrFormat, size, from, len(t.data))
		}
		strip, err := unpack(t.data[from:from+size], want, l.compression)
		if err != nil {
			return nil, fmt.Errorf("strip at byte %d: %w", from, err)
		}
		out = append(out, strip...)
	}
	return out, nil
}

// grey turns stored samples into pixels.
func (l *layout) grey(stored []byte) []byte {
	out := make([]byte, 0, l.width*l.height)
	for y := range l.height {
		row := stored[y*l.rowBytes():][:l.rowBytes()]
		if l.predictor == 2 { // each sample is the difference to its left one
			for i := l.samples; i < len(row); i++ {
				row[i] += row[i-l.samples]
			}
		}
		wide := l.bits / 8
		for x := range l.width {
			p := row[x*l.samples*wide+l.upper:]
			switch l.photometric {
			case rgb:
				out = append(out, luma(p[0], p[wide], p[2*wide]))
			case palette:
				out = append(out, l.palette[p[0]])
			case whiteIsZero:
				out = append(out, 255-p[0])
			default:
				out = append(out, p[0])
			}
		}
	}
	return out
}

// writeTIFF writes one uncompressed strip of 8 bits a pixel.
func writeTIFF(img Image) []byte {
	le := binary.LittleEndian
	type entry struct {
		tag, kind uint16
		value     uint32
	}
	const header, count = 8, 12
	const after = header + 2 + 12*count + 4 // the two resolutions, then the pixels
	dpi, unit := uint32(img.DPI), uint32(2)
	if dpi == 0 {
		dpi, unit = 1, 1 // no absolute unit
	}
	entries := [count]entry{
		{tagWidth, 4, uint32(img.Width)},
		{tagHeight, 4, uint32(img.Height)},
		{tagBits, 3, 8},
		{tagCompression, 3, 1},
		{tagPhotometric, 3, blackIsZero},
		{tagStripOffsets, 4, after + 16},
		{tagSamples, 3, 1},
		{tagRowsPerStrip, 4, uint32(img.Height)},
		{tagStripByteCounts, 4, uint32(len(img.Pixels))},
		{tagXResolution, 5, after},
		{tagYResolution, 5, after + 8},
		{tagResolutionUnit, 3, unit},
	}
	b := le.AppendUint16(le.AppendUint32([]byte("II*\x00"), header), count)
	for _, e := range entries {
		b = le.AppendUint16(le.AppendUint16(b, e.tag), e.kind)
		b = le.AppendUint32(le.AppendUint32(b, 1), e.value)
	}
	b = le.AppendUint32(b, 0) // no further directory
	for range 2 {
		b = le.AppendUint32(le.AppendUint32(b, dpi), 1)
	}
	return append(b, img.Pixels...)
}
