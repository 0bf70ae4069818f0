package wsq

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
)

// Options of Encode. The zero value is the FBI's standard rate without a
// resolution.
type Options struct {
	BitRate float64 // bits a pixel, 0 for RateStandard
	DPI     int     // written as a NIST_COM comment; 0 leaves it out
}

// Encode writes img as WSQ with the 9/7 filters of encoder number 1. The same
// image and options give the same bytes on one architecture. Errors wrap
// ErrTooLarge or ErrUnsupported.
func Encode(img *image.Gray, o Options) ([]byte, error) {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	if err := checkSize(width, height); err != nil {
		return nil, fmt.Errorf("encode wsq: %w", err)
	}
	if o.BitRate == 0 {
		o.BitRate = RateStandard
	}
	if !(o.BitRate > 0 && o.BitRate <= 8) {
		return nil, fmt.Errorf("encode wsq: %w: %g bits a pixel", ErrUnsupported, o.BitRate)
	}
	plane, shift, scaling := normalise(img)
	p := newPlan(width, height)
	p.decompose(plane, width, standard())
	v := p.variances(plane, width)
	q := bins(&v, o.BitRate)

	w := &writer{out: binary.BigEndian.AppendUint16(nil, markSOI)}
	w.comment(width, height, o)
	w.filters(standard())
	w.quantisers(&q)
	w.frame(width, height, shift, scaling)
	// The first block has table 0; the other two share table 1.
	first := p.quantise(plane, width, &q, 0, blockEnd[0])
	second := p.quantise(plane, width, &q, blockEnd[0], blockEnd[1])
	third := p.quantise(plane, width, &q, blockEnd[1], blockEnd[2])
	w.blocks(0, first)
	w.blocks(1, second, third)
	return binary.BigEndian.AppendUint16(w.out, markEOI), nil
}

// normalise shifts the mean to 0 and the farthest pixel to ±128,
// IAFIS-IC-0110, source image normalisation.
func normalise(img *image.Gray) (plane []float32, shift, scaling scaled) {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	sum, low, high := 0, uint8(255), uint8(0)
	row := func(y int) []uint8 { return img.Pix[y*img.Stride:][:width] }
	for y := range height {
		for _, v := range row(y) {
			sum += int(v)
			low, high = min(low, v), max(high, v)
		}
	}
	mean := float64(sum) / float64(width*height)
	spread := max(mean-float64(low), float64(high)-mean) / 128
	if spread == 0 {
		spread = 1 // one grey everywhere
	}
	m, s := float32(mean), float32(spread)
	plane = make([]float32, 0, width*height)
	for y := range height {
		for _, v := range row(y) {
			plane = append(plane, (float32(v)-m)/s)
		}
	}
	return plane, scale(mean), scale(spread)
}

type writer struct{ out []byte }

func (w *writer) segment(marker uint16, body []byte) {
	w.out = binary.BigEndian.AppendUint16(w.out, marker)
	w.out = binary.BigEndian.AppendUint16(w.out, uint16(len(body)+2))
	w.out = append(w.out, body...)
}

func (s scaled) append(b []byte) []byte {
	return binary.BigEndian.AppendUint16(append(b, s.exponent), s.value)
}

// comment is the header that NIST's tools write and read.
func (w *writer) comment(width, height int, o Options) {
	if o.DPI <= 0 {
		return
	}
	w.segment(markCOM, fmt.Appendf(nil, "NIST_COM 9\nPIX_WIDTH %d\nPIX_HEIGHT %d\nPIX_DEPTH 8\nPPI %d\nLOSSY 1\nCOLORSPACE GRAY\nCOMPRESSION WSQ\nWSQ_BITRATE %f\n",
		width, height, o.DPI, o.BitRate))
}

func (w *writer) filters(f filters) {
	body := []byte{byte(2*len(f.low) - 1), byte(2*len(f.high) - 1)}
	for _, half := range [][]float64{f.low, f.high} {
		for _, v := range half {
			sign := byte(0)
			if v < 0 {
				sign = 1
			}
			// Nine or ten digits, as many as 32 bits hold.
			e, digits := 0, math.Abs(v)
			for math.Round(digits*10) <= math.MaxUint32 {
				digits *= 10
				e++
			}
			body = append(body, sign, byte(e))
			body = binary.BigEndian.AppendUint32(body, uint32(math.Round(digits)))
		}
	}
	w.segment(markDTT, body)
}

func (w *writer) quantisers(q *[bandCount]bin) {
	body := binCentre.append(nil)
	for i := range tableRows {
		var b bin
		if i < bandCount {
			b = q[i]
		}
		body = scale(float64(b.width)).append(body)
		body = scale(float64(b.zero)).append(body)
	}
	w.segment(markDQT, body)
}

func (w *writer) frame(width, height int, shift, scaling scaled) {
	const (
		black, white = 0, 255
		encoder      = 1 // the 9/7 filters
	)
	body := []byte{black, white}
	body = binary.BigEndian.AppendUint16(body, uint16(height))
	body = binary.BigEndian.AppendUint16(body, uint16(width))
	body = scaling.append(shift.append(body))
	body = append(body, encoder)
	w.segment(markSOF, binary.BigEndian.AppendUint16(body, 0)) // software number: none
}

// blocks writes a Huffman table and the blocks that use it; empty ones are
// left out.
func (w *writer) blocks(table byte, blocks ...[]int16) {
	var frequency [256]int
	n := 0
	for _, b := range blocks {
		symbolise(b, func(s uint8, _ uint32, _ int) { frequency[s]++; n++ })
	}
	if n == 0 {
		return
	}
	t := newCodeTable(&frequency)
	body := []byte{table}
	for _, c := range t.counts[1:] {
		body = append(body, byte(c))
	}
	w.segment(markDHT, append(body, t.symbols...))
	codes := t.codes()
	for _, b := range blocks {
		if len(b) == 0 {
			continue
		}
		w.segment(markSOB, []byte{table})
		bits := bitWriter{out: w.out}
		symbolise(b, func(s uint8, extra uint32, n int) {
			bits.write(codes[s].bits, codes[s].length)
			bits.write(extra, n)
		})
		bits.flush()
		w.out = bits.out
	}
}
