package imagefile

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Layout of a Windows bitmap: file header, information header
// (BITMAPINFOHEADER or longer), palette of blue, green, red, 0; rows from the
// bottom up, each filled to a multiple of four bytes.
const (
	bmpFileHeader = 14
	bmpInfo       = 40
	bmpGreyBytes  = bmpFileHeader + bmpInfo + 4*256
)

func readBMP(b []byte) (Image, error) {
	if len(b) < bmpFileHeader+bmpInfo {
		return Image{}, fmt.Errorf("%w: %d bytes of header", ErrFormat, len(b))
	}
	le := binary.LittleEndian
	pixelsAt, info := int64(le.Uint32(b[10:])), int64(le.Uint32(b[14:]))
	width, height := int(int32(le.Uint32(b[18:]))), int(int32(le.Uint32(b[22:])))
	bits, compression, colours := int(le.Uint16(b[28:])), le.Uint32(b[30:]), int64(le.Uint32(b[46:]))
	down := height < 0
	if down {
		height = -height
	}
	if err := checkSize(width, height); err != nil {
		return Image{}, err
	}
	if info < bmpInfo || info > 1024 || compression != 0 || (bits != 8 && bits != 24 && bits != 32) {
		return Image{}, fmt.Errorf("%w: header of %d bytes, %d bits a pixel, compression %d", ErrUnsupported, info, bits, compression)
	}
	stride := (width*bits + 31) / 32 * 4
	if pixelsAt < bmpFileHeader+info || pixelsAt+int64(stride*height) > int64(len(b)) {
		return Image{}, fmt.Errorf("%w: pixels at byte %d of %d", ErrFormat, pixelsAt, len(b))
	}
	var palette [256]uint8
	if bits == 8 {
		at := bmpFileHeader + info
		if colours == 0 || colours > 256 {
			colours = 256
		}
		// A short palette leaves the rest black, as readers of this format do.
		for i := int64(0); i < colours && at+4*i+4 <= pixelsAt; i++ {
			c := b[at+4*i:]
			palette[i] = luma(c[2], c[1], c[0])
		}
	}
	img := Image{Width: width, Height: height, Pixels: make([]byte, 0, width*height)}
	for y := range height {
		from := height - 1 - y
		if down {
			from = y
		}
		row := b[int(pixelsAt)+from*stride:][:stride]
		for x := range width {
			switch p := row[x*bits/8:]; bits {
			case 8:
				img.Pixels = append(img.Pixels, palette[p[0]])
			default:
				img.Pixels = append(img.Pixels, luma(p[2], p[1], p[0]))
			}
		}
	}
	var err error
	img.DPI, err = resolution(float64(int32(le.Uint32(b[38:]))), float64(int32(le.Uint32(b[42:]))), metre)
	return img, err
}

func writeBMP(img Image) []byte {
	le := binary.LittleEndian
	stride := (img.Width + 3) / 4 * 4
	b := make([]byte, bmpGreyBytes+stride*img.Height)
	copy(b, "BM")
	le.PutUint32(b[2:], uint32(len(b)))
	le.PutUint32(b[10:], bmpGreyBytes)
	le.PutUint32(b[14:], bmpInfo)
	le.PutUint32(b[18:], uint32(img.Width))
	le.PutUint32(b[22:], uint32(img.Height))
	le.PutUint16(b[26:], 1) // planes
	le.PutUint16(b[28:], 8) // bits a pixel
	le.PutUint32(b[34:], uint32(stride*img.Height))
	perMetre := uint32(math.Round(float64(img.DPI) * metre))
	le.PutUint32(b[38:], perMetre)
	le.PutUint32(b[42:], perMetre)
	le.PutUint32(b[46:], 256)
	for i := range 256 {
		c := b[bmpFileHeader+bmpInfo+4*i:]
		c[0], c[1], c[2] = byte(i), byte(i), byte(i)
	}
	for y := range img.Height {
		copy(b[bmpGreyBytes+(img.Height-1-y)*stride:], img.Pixels[y*img.Width:][:img.Width])
	}
	return b
}
