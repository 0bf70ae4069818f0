package imagefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"math"

	"github.com/enrold/enrold/match/finger/wsq"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

func readPNG(data []byte) (Image, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := checkSize(c.Width, c.Height); err != nil {
		return Image{}, err
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	img := grey(m)
	if b := pngChunk(data, "pHYs"); len(b) == 9 && b[8] == 1 { // per metre
		x, y := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		img.DPI, err = resolution(float64(x), float64(y), metre)
	}
	return img, err
}

// pngChunk returns the content of the first chunk of a kind before the pixels.
func pngChunk(data []byte, kind string) []byte {
	for at := len(pngMagic); at+12 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		name := string(data[at+4 : at+8])
		if n > len(data)-at-12 || name == "IDAT" {
			return nil
		}
		if name == kind {
			return data[at+8 : at+8+n]
		}
		at += 12 + n
	}
	return nil
}

func writePNG(img Image) ([]byte, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, img.gray()); err != nil {
		return nil, err
	}
	if img.DPI == 0 {
		return out.Bytes(), nil
	}
	// The library writes no resolution: a chunk of it goes behind the header,
	// which has a fixed length.
	const header = len(pngMagic) + 12 + 13
	perMetre := uint32(math.Round(float64(img.DPI) * metre))
	chunk := binary.BigEndian.AppendUint32(nil, 9)
	chunk = append(chunk, "pHYs"...)
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = append(binary.BigEndian.AppendUint32(chunk, perMetre), 1)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	b := out.Bytes()
	return append(append(append([]byte{}, b[:header]...), chunk...), b[header:]...), nil
}

func readJPEG(data []byte) (Image, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := checkSize(c.Width, c.Height); err != nil {
		return Image{}, err
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	img := grey(m)
	// The JFIF header, ISO/IEC 10918-5, if there is one, comes first.
	if len(data) >= 20 && string(data[2:4]) == "\xff\xe0" && string(data[6:11]) == "JFIF\x00" {
		x, y := float64(binary.BigEndian.Uint16(data[14:])), float64(binary.BigEndian.Uint16(data[16:]))
		switch data[13] {
		case 1:
			img.DPI, err = resolution(x, y, 1)
		case 2:
			img.DPI, err = resolution(x, y, centimetre)
		}
	}
	return img, err
}

func writeJPEG(img Image) ([]byte, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img.gray(), &jpeg.Options{Quality: 95}); err != nil {
		return nil, err
	}
	if img.DPI == 0 {
		return out.Bytes(), nil
	}
	jfif := append([]byte{0xff, 0xe0, 0, 16}, "JFIF\x00\x01\x01\x01"...)
	jfif = binary.BigEndian.AppendUint16(jfif, uint16(img.DPI))
	jfif = append(binary.BigEndian.AppendUint16(jfif, uint16(img.DPI)), 0, 0)
	b := out.Bytes()
	return append(append(append([]byte{}, b[:2]...), jfif...), b[2:]...), nil
}

func readWSQ(data []byte) (Image, error) {
	m, dpi, err := wsq.Decode(data)
	if err != nil {
		return Image{}, err
	}
	return Image{Width: m.Rect.Dx(), Height: m.Rect.Dy(), DPI: dpi, Pixels: m.Pix}, nil
}

// WriteWSQ encodes img at a bit rate in bits a pixel, see package wsq.
func WriteWSQ(img Image, rate float64) ([]byte, error) {
	if err := img.Check(); err != nil {
		return nil, err
	}
	return wsq.Encode(img.gray(), wsq.Options{BitRate: rate, DPI: img.DPI})
}

func (img Image) gray() *image.Gray {
	return &image.Gray{Pix: img.Pixels, Stride: img.Width, Rect: image.Rect(0, 0, img.Width, img.Height)}
}

// grey takes the stored values of a decoded image. Transparency is ignored.
func grey(m image.Image) Image {
	r := m.Bounds()
	img := Image{Width: r.Dx(), Height: r.Dy()}
	img.Pixels = make([]byte, 0, img.Width*img.Height)
	switch m := m.(type) {
	case *image.Gray:
		for y := range img.Height {
			img.Pixels = append(img.Pixels, m.Pix[y*m.Stride:][:img.Width]...)
		}
	case *image.YCbCr:
		for y := range img.Height {
			img.Pixels = append(img.Pixels, m.Y[y*m.YStride:][:img.Width]...)
		}
	case *image.NRGBA:
		for y := range img.Height {
			for x := range img.Width {
				p := m.Pix[y*m.Stride+4*x:]
				img.Pixels = append(img.Pixels, luma(p[0], p[1], p[2]))
			}
		}
	default:
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				red, green, blue, _ := m.At(x, y).RGBA()
				img.Pixels = append(img.Pixels, luma(uint8(red>>8), uint8(green>>8), uint8(blue>>8)))
			}
		}
	}
	return img
}
