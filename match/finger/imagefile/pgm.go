package imagefile

import (
	"bytes"
	"fmt"
	"strconv"
)

// readPGM reads the binary form, magic P5, with up to 255 grey levels: the
// format of uncompressed images in ISO/IEC 39794-4.
func readPGM(data []byte) (Image, error) {
	rest := data[2:]
	var header [3]int // width, height, highest level
	for i := range header {
		digits, after := pgmToken(rest)
		rest = after
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return Image{}, fmt.Errorf("%w: header field %d", ErrFormat, i)
		}
		header[i] = int(n)
	}
	width, height, top := header[0], header[1], header[2]
	if err := checkSize(width, height); err != nil {
		return Image{}, err
	}
	switch {
	case top != 255:
		return Image{}, fmt.Errorf("%w: levels up to %d", ErrUnsupported, top)
	case len(rest) < 1+width*height:
		return Image{}, fmt.Errorf("%w: %d bytes for %dx%d", ErrFormat, len(rest), width, height)
	}
	return Image{Width: width, Height: height, Pixels: bytes.Clone(rest[1 : 1+width*height])}, nil
}

// pgmToken takes the next digits behind white space and comments. The white
// space behind them is left.
func pgmToken(b []byte) (digits string, rest []byte) {
	for len(b) > 0 {
		switch b[0] {
		case ' ', '\t', '\r', '\n':
			b = b[1:]
		case '#':
			_, b, _ = bytes.Cut(b, []byte("\n"))
		default:
			n := 0
			for n < len(b) && n < 10 && b[n] >= '0' && b[n] <= '9' {
				n++
			}
			return string(b[:n]), b[n:]
		}
	}
	return "", nil
}

func writePGM(img Image) []byte {
	return append(fmt.Appendf(nil, "P5\n%d %d\n255\n", img.Width, img.Height), img.Pixels...)
}
