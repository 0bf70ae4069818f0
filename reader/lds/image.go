package lds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Image is a picture as the chip holds it: a complete JPEG or JPEG 2000 file or
// codestream.
type Image struct {
	Data   []byte
	Type   string // image/jpeg, image/jp2
	Width  int    // pixels, 0 if the image's header does not say
	Height int
}

// Bounds of an image: its decoder allocates what its header claims. ICAO's
// portraits have at most some megapixels.
const (
	maxSide   = 10000
	maxPixels = 40_000_000
)

// imageOf tells the image's type by its signature and its size by its header,
// and refuses one that is too large to be decoded.
func imageOf(data []byte) (Image, error) {
	i := Image{Data: data}
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xD8, 0xFF}):
		i.Type = "image/jpeg"
		i.Width, i.Height = jpegSize(data)
	case bytes.HasPrefix(data, jp2Signature):
		i.Type = "image/jp2"
		i.Width, i.Height = codestreamSize(codestream(data))
	case bytes.HasPrefix(data, codestreamStart):
		i.Type = "image/jp2"
		i.Width, i.Height = codestreamSize(data)
	default:
		return Image{}, errors.New("image is neither JPEG nor JPEG 2000")
	}
	if i.Width > maxSide || i.Height > maxSide || i.Width*i.Height > maxPixels {
		return Image{}, fmt.Errorf("image claims %d by %d pixels", i.Width, i.Height)
	}
	return i, nil
}

// jpegSize reads the first frame header (ISO/IEC 10918-1 §B.2.2).
func jpegSize(b []byte) (width, height int) {
	b = b[2:]
	for len(b) >= 4 && b[0] == 0xFF {
		marker := b[1]
		if marker == 0xFF { // fill byte
			b = b[1:]
			continue
		}
		if marker == 0x01 || marker >= 0xD0 && marker <= 0xD7 { // without a segment
			b = b[2:]
			continue
		}
		n := 2 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return 0, 0
		}
		frame := marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC
		if frame && n >= 9 {
			return int(binary.BigEndian.Uint16(b[7:])), int(binary.BigEndian.Uint16(b[5:]))
		}
		b = b[n:]
	}
	return 0, 0
}

var (
	jp2Signature    = []byte("\x00\x00\x00\x0CjP  \r\n\x87\n")
	codestreamStart = []byte{0xFF, 0x4F, 0xFF, 0x51} // SOC, SIZ
)

// codestream finds the contiguous codestream box of a JP2 file (ISO/IEC 15444-1
// annex I.5.4).
func codestream(b []byte) []byte {
	for len(b) >= 8 {
		size, header := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		if size == 1 && len(b) >= 16 { // the length stands after the type
			size, header = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size == 0 { // to the end of the file
			size = uint64(len(b))
		}
		if size < header || size > uint64(len(b)) {
			return nil
		}
		if string(b[4:8]) == "jp2c" {
			return b[header:size]
		}
		b = b[size:]
	}
	return nil
}

// codestreamSize reads the SIZ segment (ISO/IEC 15444-1 §A.5.1).
func codestreamSize(b []byte) (width, height int) {
	if len(b) < 24 || !bytes.HasPrefix(b, codestreamStart) {
		return 0, 0
	}
	side := func(at int) int { // size of the reference grid less the image's offset
		return max(int(binary.BigEndian.Uint32(b[at:]))-int(binary.BigEndian.Uint32(b[at+8:])), 0)
	}
	return side(8), side(12)
}
