package face_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

func encode(t testing.TB, img image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func colour(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{200, uint8(x), uint8(y), 255})
		}
	}
	return img
}

// resized writes another size into the frame header (ITU-T T.81 B.2.2).
func resized(data []byte, width, height uint16) []byte {
	out := bytes.Clone(data)
	at := bytes.Index(out, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(out[at+5:], height)
	binary.BigEndian.PutUint16(out[at+7:], width)
	return out
}

// cmyk is a baseline JPEG of four components, 32x32, each of one DC
// difference of zero: the encoder of the standard library makes none.
func cmyk() []byte {
	var b bytes.Buffer
	b.Write([]byte{0xff, 0xd8, 0xff, 0xee, 0, 14})
	b.WriteString("Adobe\x00\x64\x00\x00\x00\x00\x00") // transform 0: CMYK
	b.Write([]byte{0xff, 0xdb, 0, 67, 0})
	b.Write(bytes.Repeat([]byte{1}, 64))
	b.Write([]byte{0xff, 0xc0, 0, 20, 8, 0, 32, 0, 32, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0})
	for _, class := range []byte{0x00, 0x10} { // one code of one bit: "0" is the symbol 0
		b.Write([]byte{0xff, 0xc4, 0, 20, class, 1})
		b.Write(make([]byte, 15))
		b.WriteByte(0)
	}
	b.Write([]byte{0xff, 0xda, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0})
	b.Write(make([]byte, 16)) // 16 units of 4 blocks of 2 bits
	b.Write([]byte{0xff, 0xd9})
	return b.Bytes()
}

func TestDecodeJPEG(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 40, 50))
	for i := range gray.Pix {
		gray.Pix[i] = 77
	}
	for name, c := range map[string]struct {
		data []byte
		size image.Point
	}{
		"colour": {encode(t, colour(64, 48)), image.Pt(64, 48)},
		"gray":   {encode(t, gray), image.Pt(40, 50)},
		"cmyk":   {cmyk(), image.Pt(32, 32)},
	} {
		img, err := face.DecodeJPEG(c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if img.Rect != (image.Rectangle{Max: c.size}) {
			t.Errorf("%s: bounds %v", name, img.Rect)
		}
		if p := img.RGBAAt(5, 5); p.A != 255 || name == "gray" && (p.R < 75 || p.R > 79 || p.R != p.B) {
			t.Errorf("%s: pixel %v", name, p)
		}
	}
}

func TestDecodeJPEGRefuses(t *testing.T) {
	good := encode(t, colour(64, 48))
	noise := bytes.Clone(good)
	copy(noise[len(noise)/4:], bytes.Repeat([]byte{0xff, 0x01}, 20))
	for name, data := range map[string][]byte{
		"nothing":        nil,
		"text":           []byte("not a picture"),
		"header only":    good[:40],
		"half":           good[:len(good)/2],
		"noise":          noise,
		"tiny":           encode(t, colour(8, 8)),
		"flat":           resized(good, 64, 1),
		"too wide":       resized(good, 65535, 48),
		"too high":       resized(good, 64, 65535),
		"no width":       resized(good, 0, 48),
		"too many bytes": append(bytes.Clone(good), make([]byte, face.MaxImageBytes)...),
	} {
		if _, err := face.DecodeJPEG(data); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: %v, want %s", name, err, eid.CodeInput)
		}
	}
}

func FuzzDecodeJPEG(f *testing.F) {
	f.Add(encode(f, colour(40, 40)))
	f.Add(encode(f, image.NewGray(image.Rect(0, 0, 33, 33))))
	f.Add(cmyk())
	f.Add(encode(f, colour(40, 40))[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := face.DecodeJPEG(data)
		if err != nil {
			return
		}
		if face.CheckSize(img.Rect.Dx(), img.Rect.Dy()) != nil || len(img.Pix) != 4*img.Rect.Dx()*img.Rect.Dy() {
			t.Errorf("image of %v with %d bytes", img.Rect, len(img.Pix))
		}
	})
}
