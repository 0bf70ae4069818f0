package wsq

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
)

// Decode reads a WSQ file. The resolution in dots per inch comes from a
// NIST_COM comment and is 0 where the file has none. Errors wrap ErrFormat,
// ErrUnsupported or ErrTooLarge and name the byte where reading stopped.
func Decode(data []byte) (img *image.Gray, dpi int, err error) {
	r := &reader{data: data}
	if err := r.read(); err != nil {
		return nil, 0, fmt.Errorf("decode wsq: %w", err)
	}
	return r.render(), r.dpi, nil
}

// frame is the SOF segment.
type frame struct {
	width, height int
	shift, scale  float64
}

type reader struct {
	data []byte
	pos  int
	dpi  int

	frame      *frame
	filters    filters
	quantisers *[bandCount]bin
	centre     float32
	tables     [8]*codeTable
	plan       *plan
	indices    []int16
	filled     int
}

func (r *reader) read() error {
	if !Magic(r.data) {
		return fmt.Errorf("%w: no start of image", ErrFormat)
	}
	r.pos = 2
	for {
		at := r.pos
		if at+2 > len(r.data) {
			return fmt.Errorf("%w: no end of image at byte %d", ErrFormat, at)
		}
		marker := int(binary.BigEndian.Uint16(r.data[at:]))
		r.pos += 2
		if marker == markEOI {
			return r.complete()
		}
		body, err := r.segment()
		if err != nil {
			return err
		}
		if err := r.take(marker, body); err != nil {
			return fmt.Errorf("segment %#x at byte %d: %w", marker, at, err)
		}
	}
}

// segment returns the body of the segment whose length stands at pos.
func (r *reader) segment() ([]byte, error) {
	if r.pos+2 > len(r.data) {
		return nil, fmt.Errorf("%w: segment cut at byte %d", ErrFormat, r.pos)
	}
	n := int(binary.BigEndian.Uint16(r.data[r.pos:]))
	if n < 2 || r.pos+n > len(r.data) {
		return nil, fmt.Errorf("%w: segment of %d bytes at byte %d", ErrFormat, n, r.pos)
	}
	body := r.data[r.pos+2 : r.pos+n]
	r.pos += n
	return body, nil
}

func (r *reader) take(marker int, body []byte) error {
	switch marker {
	case markSOF:
		return r.takeFrame(body)
	case markDTT:
		return r.takeFilters(body)
	case markDQT:
		return r.takeQuantisers(body)
	case markDHT:
		return r.takeTables(body)
	case markSOB:
		return r.takeBlock(body)
	case markCOM:
		if dpi, ok := commentDPI(body); ok {
			r.dpi = dpi
		}
		return nil
	case markDRT:
		for _, b := range body {
			if b != 0 {
				return fmt.Errorf("%w: restart intervals", ErrUnsupported)
			}
		}
		return nil
	}
	return fmt.Errorf("%w: unknown marker", ErrFormat)
}

func (r *reader) takeFrame(b []byte) error {
	if len(b) < 15 {
		return fmt.Errorf("%w: %d bytes", ErrFormat, len(b))
	}
	if r.frame != nil {
		return fmt.Errorf("%w: a second frame", ErrFormat)
	}
	f := frame{height: int(binary.BigEndian.Uint16(b[2:])), width: int(binary.BigEndian.Uint16(b[4:]))}
	f.shift = scaled{b[6], binary.BigEndian.Uint16(b[7:])}.float()
	f.scale = scaled{b[9], binary.BigEndian.Uint16(b[10:])}.float()
	if err := checkSize(f.width, f.height); err != nil {
		return err
	}
	r.frame = &f
	return nil
}

func checkSize(width, height int) error {
	if width < 1 || height < 1 || max(width, height) > MaxSide || width*height > MaxPixels {
		return fmt.Errorf("%w: %dx%d", ErrTooLarge, width, height)
	}
	return nil
}

const maxTaps = 31

func (r *reader) takeFilters(b []byte) error {
	if len(b) < 2 {
		return fmt.Errorf("%w: %d bytes", ErrFormat, len(b))
	}
	low, high := int(b[0]), int(b[1])
	if low%2 == 0 || high%2 == 0 || low > maxTaps || high > maxTaps {
		return fmt.Errorf("%w: filters of %d and %d taps", ErrUnsupported, low, high)
	}
	b = b[2:]
	taps := make([]float64, (low+1)/2+(high+1)/2)
	if len(b) < 6*len(taps) {
		return fmt.Errorf("%w: %d bytes of taps", ErrFormat, len(b))
	}
	for i := range taps {
		v := float64(binary.BigEndian.Uint32(b[6*i+2:])) / math.Pow10(int(b[6*i+1]))
		if b[6*i] != 0 {
			v = -v
		}
		if math.Abs(v) > 16 {
			return fmt.Errorf("%w: a filter tap of %g", ErrFormat, v)
		}
		taps[i] = v
	}
	r.filters = filters{low: taps[:(low+1)/2], high: taps[(low+1)/2:]}
	return nil
}

func (r *reader) takeQuantisers(b []byte) error {
	if len(b) < 3+6*tableRows {
		return fmt.Errorf("%w: %d bytes", ErrFormat, len(b))
	}
	if r.plan != nil {
		return fmt.Errorf("%w: quantisers after coefficients", ErrFormat)
	}
	r.centre = float32(scaled{b[0], binary.BigEndian.Uint16(b[1:])}.float())
	r.quantisers = new([bandCount]bin)
	for i := range r.quantisers {
		row := b[3+6*i:]
		width := scaled{row[0], binary.BigEndian.Uint16(row[1:])}
		zero := scaled{row[3], binary.BigEndian.Uint16(row[4:])}
		r.quantisers[i] = bin{float32(width.float()), float32(zero.float())}
	}
	return nil
}

func (r *reader) takeTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return fmt.Errorf("%w: %d bytes of code lengths", ErrFormat, len(b))
		}
		id, t, n := int(b[0]), &codeTable{}, 0
		for i, c := range b[1:17] {
			t.counts[i+1] = int(c)
			n += int(c)
		}
		b = b[17:]
		if id >= len(r.tables) || n > len(b) || n > 256 {
			return fmt.Errorf("%w: table %d of %d symbols", ErrFormat, id, n)
		}
		t.symbols = b[:n]
		r.tables[id] = t
		b = b[n:]
	}
	return nil
}

// takeBlock decodes the coefficients that follow a block header.
func (r *reader) takeBlock(b []byte) error {
	if len(b) < 1 || int(b[0]) >= len(r.tables) || r.tables[b[0]] == nil {
		return fmt.Errorf("%w: block without its Huffman table", ErrFormat)
	}
	if r.frame == nil || r.quantisers == nil {
		return fmt.Errorf("%w: block before frame and quantisers", ErrFormat)
	}
	if r.plan == nil {
		r.plan = newPlan(r.frame.width, r.frame.height)
		r.indices = make([]int16, r.plan.size(r.quantisers))
	}
	d, err := newDecoder(r.tables[b[0]])
	if err != nil {
		return err
	}
	bits := &bitReader{data: r.data, pos: r.pos}
	n, err := bits.coefficients(d, r.indices[r.filled:])
	if err != nil {
		return err
	}
	r.filled += n
	r.pos = nextMarker(r.data, r.pos)
	return nil
}

// nextMarker skips entropy-coded data.
func nextMarker(data []byte, pos int) int {
	for ; pos+1 < len(data); pos++ {
		if data[pos] == 0xff && data[pos+1] != 0 {
			return pos
		}
	}
	return len(data)
}

func (r *reader) complete() error {
	switch {
	case r.frame == nil || r.quantisers == nil || r.filters.low == nil:
		return fmt.Errorf("%w: end of image without frame, quantisers or filters", ErrFormat)
	case r.plan == nil:
		r.plan = newPlan(r.frame.width, r.frame.height)
		r.indices = make([]int16, r.plan.size(r.quantisers))
	}
	if r.filled != len(r.indices) {
		return fmt.Errorf("%w: %d of %d coefficients", ErrFormat, r.filled, len(r.indices))
	}
	return nil
}

// render turns the coefficients into pixels.
func (r *reader) render() *image.Gray {
	f := r.frame
	plane := r.plan.restore(r.indices, f.width, r.quantisers, r.centre)
	r.plan.reconstruct(plane, f.width, r.filters)
	img := image.NewGray(image.Rect(0, 0, f.width, f.height))
	for i, v := range plane {
		img.Pix[i] = uint8(max(0, min(v*float32(f.scale)+float32(f.shift)+0.5, 255)))
	}
	return img
}

// commentDPI finds the PPI line of a NIST_COM comment.
func commentDPI(comment []byte) (int, bool) {
	if !strings.HasPrefix(string(comment), "NIST_COM") {
		return 0, false
	}
	for l := range strings.Lines(string(comment)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(l), " "); ok && key == "PPI" {
			n, err := strconv.Atoi(value)
			return n, err == nil && n > 0 && n <= 10000
		}
	}
	return 0, false
}
