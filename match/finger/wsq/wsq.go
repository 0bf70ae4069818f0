// Package wsq reads and writes fingerprint images in the FBI's wavelet scalar
// quantisation format: "WSQ Gray-Scale Fingerprint Image Compression
// Specification", IAFIS-IC-0110 (V3), the format of ANSI/NIST-ITL type 4 and 14
// records and of compression code 2 of ISO/IEC 19794-4.
//
// An image is shifted and scaled to ±128, split into 64 subbands by a tree of
// two-channel wavelet filters (bands.go, wavelet.go), each band is quantised
// with a dead zone (quantise.go), and the coefficients are written as run
// lengths and values under Huffman codes (huffman.go, coefficients.go) in
// marker segments (decode.go, encode.go). The four bands of the highest
// frequencies are never sent.
//
// Decode accepts any odd-length symmetric filter pair that the file brings
// (evaluators' encoder number 1 has 9 and 7 taps); filters of even length and
// restart intervals are refused by name.
//
// Held against an independent port of NIST's codec (conformance_test.go, and
// by hand on its sample file and on 80 research prints at two rates): pixels
// differ by one grey level at most, in under 0.01 % of them, for images whose
// sides are over 80 pixels; bin widths agree to 0.015 %. The FBI's own
// reference images were not at hand, so this codec is not certified.
package wsq

import "errors"

// Bit rates in bits a pixel that Encode is asked for by name. The rate enters
// the quantiser's formula; what comes out depends on the image, and is below
// it for most.
const (
	RateStandard = 0.75 // the FBI's 15:1
	RateFine     = 2.25 // the FBI's 5:1
)

// Bounds of an image: more is refused before memory is taken. A slap of four
// fingers at 500 dpi has 1600x1500 pixels.
const (
	MaxSide   = 8192
	MaxPixels = 4 << 20
)

// Errors that Decode and Encode wrap.
var (
	ErrFormat      = errors.New("malformed wsq")
	ErrUnsupported = errors.New("unsupported wsq")
	ErrTooLarge    = errors.New("wsq image out of bounds")
)

// Marker codes of IAFIS-IC-0110.
const (
	markSOI = 0xffa0 // start of image
	markEOI = 0xffa1 // end of image
	markSOF = 0xffa2 // frame: size, shift and scale
	markSOB = 0xffa3 // block of coefficients
	markDTT = 0xffa4 // transform table: filters
	markDQT = 0xffa5 // quantisation table
	markDHT = 0xffa6 // Huffman tables
	markDRT = 0xffa7 // restart interval
	markCOM = 0xffa8 // comment
)

// Magic reports whether data begins like a WSQ file.
func Magic(data []byte) bool {
	return len(data) > 3 && data[0] == 0xff && data[1] == 0xa0 && data[2] == 0xff && data[3] >= 0xa2 && data[3] <= 0xa8
}
