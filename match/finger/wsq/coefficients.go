package wsq

import (
	"fmt"
	"math"
)

// Symbols of the coefficient code, IAFIS-IC-0110, Huffman coding.
const (
	maxRun       = 100 // symbols 1..100 are runs of so many zeros
	symPositive8 = 101 // a value in the next 8 bits
	symNegative8 = 102
	symPositive  = 103 // a value in the next 16 bits
	symNegative  = 104
	symRun8      = 105 // a run in the next 8 bits
	symRun       = 106 // a run in the next 16 bits
	symZero      = 180 // symbols 107..254 are the values -73..74
	minValue     = 107 - symZero
	maxValue     = 254 - symZero
)

// symbolise calls emit for each symbol of the coefficients, with the bits that follow it.
func symbolise(indices []int16, emit func(symbol uint8, extra uint32, bits int)) {
	run := 0
	flush := func() {
		switch {
		case run == 0:
		case run <= maxRun:
			emit(uint8(run), 0, 0)
		case run <= math.MaxUint8:
			emit(symRun8, uint32(run), 8)
		default:
			emit(symRun, uint32(run), 16)
		}
		run = 0
	}
	for _, i := range indices {
		if i == 0 {
			if run++; run == math.MaxUint16 {
				flush()
			}
			continue
		}
		flush()
		v := int(i)
		switch {
		case v >= minValue && v <= maxValue:
			emit(uint8(v+symZero), 0, 0)
		case v > math.MaxUint8:
			emit(symPositive, uint32(v), 16)
		case v > 0:
			emit(symPositive8, uint32(v), 8)
		case -v > math.MaxUint8:
			emit(symNegative, uint32(-v), 16)
		default:
			emit(symNegative8, uint32(-v), 8)
		}
	}
	flush()
}

// bitWriter writes entropy-coded data: a zero byte follows each byte of ones.
type bitWriter struct {
	out  []byte
	held uint64
	n    int
}

func (w *bitWriter) write(bits uint32, n int) {
	w.held = w.held<<n | uint64(bits)
	w.n += n
	for ; w.n >= 8; w.n -= 8 {
		b := byte(w.held >> (w.n - 8))
		w.out = append(w.out, b)
		if b == 0xff {
			w.out = append(w.out, 0)
		}
	}
}

// flush fills the last byte with ones.
func (w *bitWriter) flush() {
	if w.n > 0 {
		w.write(1<<(8-w.n)-1, 8-w.n)
	}
}

// bitReader reads entropy-coded data up to the next marker.
type bitReader struct {
	data []byte
	pos  int
	held uint64
	n    int // bits held
}

func (r *bitReader) fill() {
	for r.n <= 48 && r.pos < len(r.data) {
		b := r.data[r.pos]
		if b == 0xff {
			if r.pos+1 >= len(r.data) || r.data[r.pos+1] != 0 {
				return // a marker, or the end
			}
			r.pos++
		}
		r.pos++
		r.held = r.held<<8 | uint64(b)
		r.n += 8
	}
}

// peek returns the next 16 bits, ones where the data have ended.
func (r *bitReader) peek() uint32 {
	if r.n < 32 {
		r.fill()
	}
	if r.n >= 16 {
		return uint32(r.held>>(r.n-16)) & 0xffff
	}
	return uint32(r.held<<(16-r.n)|(1<<(16-r.n)-1)) & 0xffff
}

// take returns the next n bits; fewer are an error.
func (r *bitReader) take(n int) (int, error) {
	if r.n < n {
		r.fill()
	}
	if r.n < n {
		return 0, fmt.Errorf("%w: coefficients end early at byte %d", ErrFormat, r.pos)
	}
	r.n -= n
	return int(r.held>>r.n) & (1<<n - 1), nil
}

// coefficients decodes one block into out (zeroed) and returns how many it
// held. The block ends at a marker or when out is full.
func (r *bitReader) coefficients(d *decoder, out []int16) (n int, err error) {
	for n < len(out) {
		symbol, length := d.next(r.peek())
		if length == 0 || length > r.n {
			if r.n >= maxCodeBits {
				return n, fmt.Errorf("%w: no code at byte %d", ErrFormat, r.pos)
			}
			return n, nil // the filling before a marker
		}
		r.n -= length
		value, run := 0, -1
		switch {
		case symbol == 0 || symbol == symZero || symbol == 255:
			return n, fmt.Errorf("%w: symbol %d at byte %d", ErrFormat, symbol, r.pos)
		case symbol <= maxRun:
			run = int(symbol)
		case symbol == symRun8:
			run, err = r.take(8)
		case symbol == symRun:
			run, err = r.take(16)
		case symbol == symPositive8:
			value, err = r.take(8)
		case symbol == symNegative8:
			value, err = r.take(8)
			value = -value
		case symbol == symPositive:
			value, err = r.take(16)
		case symbol == symNegative:
			value, err = r.take(16)
			value = -value
		default:
			value = int(symbol) - symZero
		}
		switch {
		case err != nil:
			return n, err
		case value > math.MaxInt16 || value < -math.MaxInt16:
			return n, fmt.Errorf("%w: coefficient out of range at byte %d", ErrFormat, r.pos)
		case run > len(out)-n:
			return n, fmt.Errorf("%w: a run of zeros leaves the image at byte %d", ErrFormat, r.pos)
		case run >= 0:
			n += run // out is zero there
		default:
			out[n] = int16(value)
			n++
		}
	}
	return n, nil
}
