package imagefile

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
)

// Compressions of TIFF 6.0 and, for deflate, of Adobe's technical note.
const (
	packNone       = 1
	packLZW        = 5
	packDeflate    = 8
	packPackBits   = 32773
	packDeflateOld = 32946
)

// unpack returns the want bytes of a strip. Bytes beyond are ignored, as writers
// pad strips; fewer are an error.
func unpack(strip []byte, want int, compression int64) (out []byte, err error) {
	switch compression {
	case packNone:
		out = strip[:min(want, len(strip))]
	case packPackBits:
		out = unpackBits(strip, want)
	case packLZW:
		out, err = unpackLZW(strip, want)
	case packDeflate, packDeflateOld:
		r, zerr := zlib.NewReader(bytes.NewReader(strip))
		if zerr != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, zerr)
		}
		out, err = io.ReadAll(io.LimitReader(r, int64(want)))
	default:
		return nil, fmt.Errorf("%w: compression %d", ErrUnsupported, compression)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(out) < want {
		return nil, fmt.Errorf("%w: %d of %d bytes", ErrFormat, len(out), want)
	}
	return out, nil
}

// unpackBits is section 9: n+1 bytes as they are, or one byte 1-n times.
func unpackBits(in []byte, want int) []byte {
	out := make([]byte, 0, want)
	for len(in) > 1 && len(out) < want {
		n := int(int8(in[0]))
		in = in[1:]
		switch {
		case n >= 0:
			n = min(n+1, len(in), want-len(out))
			out = append(out, in[:n]...)
			in = in[n:]
		case n > -128:
			for range min(1-n, want-len(out)) {
				out = append(out, in[0])
			}
			in = in[1:]
		}
	}
	return out
}

// Codes of section 13.
const (
	lzwClear = 256
	lzwEnd   = 257
	lzwFirst = 258
	lzwMax   = 4096
)

// unpackLZW is section 13: codes of 9 to 12 bits, upper bits first, whose width
// grows one code earlier than in GIF (so the standard library's does not do).
func unpackLZW(in []byte, want int) ([]byte, error) {
	out := make([]byte, 0, want)
	// A string of the table is the bytes of out where it was first written.
	var start, length [lzwMax]int
	next, width, previous := lzwFirst, 9, -1
	held, bits := uint32(0), 0
	for len(out) < want {
		for bits < width {
			if len(in) == 0 {
				return out, nil // no end code: the caller counts
			}
			held, in, bits = held<<8|uint32(in[0]), in[1:], bits+8
		}
		code := int(held>>(bits-width)) & (1<<width - 1)
		bits -= width
		if code == lzwEnd {
			break
		}
		if code == lzwClear {
			next, width, previous = lzwFirst, 9, -1
			continue
		}
		at := len(out)
		switch {
		case code < lzwClear:
			out = append(out, byte(code))
		case code < next:
			out = append(out, out[start[code]:start[code]+length[code]]...)
		case code == next && previous >= 0: // the string that is being made
			out = append(out, out[previous:at]...)
			out = append(out, out[previous])
		default:
			return nil, fmt.Errorf("lzw code %d before its definition", code)
		}
		if previous >= 0 && next < lzwMax {
			start[next], length[next] = previous, at-previous+1
			next++
			if next == 1<<width-1 && width < 12 {
				width++
			}
		}
		previous = at
	}
	return out[:min(want, len(out))], nil
}
