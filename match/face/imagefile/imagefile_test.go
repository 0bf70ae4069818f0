package imagefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/jpeg2000"
)

// corner is red in its upper left quarter and gray elsewhere.
func corner(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{120, 120, 120, 255}
			if x < width/2 && y < height/2 {
				c = color.RGBA{230, 20, 20, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func bmpOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gifOf(t testing.TB, img image.Image, frames int) []byte {
	t.Helper()
	p := image.NewPaletted(img.Bounds(), color.Palette{color.RGBA{120, 120, 120, 255}, color.RGBA{230, 20, 20, 255}})
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			p.Set(x, y, img.At(x, y))
		}
	}
	var all gif.GIF
	for range frames {
		all.Image, all.Delay = append(all.Image, p), append(all.Delay, 5)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jp2Of(t testing.TB, img *image.RGBA) []byte {
	t.Helper()
	data, err := jpeg2000.Encode(img, 2000)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pnmOf(img image.Image, magic string, most int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n# a comment\n%d %d\n%d\n", magic, img.Bounds().Dx(), img.Bounds().Dy(), most)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			values := []uint8{c.R, c.G, c.B}
			if magic == "P5" {
				values = values[:1]
			}
			for _, v := range values {
				if most > 255 {
					_ = binary.Write(&b, binary.BigEndian, uint16(int(v)*most/255))
				} else {
					b.WriteByte(v)
				}
			}
		}
	}
	return b.Bytes()
}

// webpOf is a lossless WebP of one red: five prefix codes of one symbol each, so
// that pixels take no bits (RFC 9649 §3.7.2.1).
func webpOf(width, height int) []byte {
	var bits uint64
	var n int
	var body []byte
	put := func(v, count int) {
		bits |= uint64(v) << n
		for n += count; n >= 8; n -= 8 {
			body = append(body, byte(bits))
			bits >>= 8
		}
	}
	put(0x2f, 8)
	put(width-1, 14)
	put(height-1, 14)
	put(0, 4)                                           // no alpha, version 0
	put(0, 3)                                           // no transform, no colour cache, no meta codes
	for _, symbol := range []int{20, 230, 20, 255, 0} { // green, red, blue, alpha, distance
		put(1, 1) // simple code
		put(0, 1) // of one symbol
		put(1, 1) // of eight bits
		put(symbol, 8)
	}
	put(0, 8)
	if len(body)%2 == 1 {
		body = append(body, 0)
	}
	out := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(12+len(body)))...)
	out = append(out, "WEBPVP8L"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	return append(out, body...)
}

// withEXIF puts an orientation into a JPEG.
func withEXIF(data []byte, o uint16, big bool) []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	tiff := []byte("II*\x00")
	if big {
		order, tiff = binary.BigEndian, []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 1)
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3)
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, o)
	tiff = append(tiff, 0, 0, 0, 0, 0, 0)
	body := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return append(append(out, body...), data[2:]...)
}

func TestRead(t *testing.T) {
	img := corner(64, 48)
	deep := image.NewNRGBA64(img.Rect)
	gray := image.NewGray16(img.Rect)
	for y := range 48 {
		for x := range 64 {
			deep.Set(x, y, img.At(x, y))
			gray.Set(x, y, img.At(x, y))
		}
	}
	for name, c := range map[string]struct {
		data []byte
		want Format
		gray bool
	}{
		"jpeg":         {jpegOf(t, img), JPEG, false},
		"gray jpeg":    {jpegOf(t, image.NewGray(img.Rect)), JPEG, true},
		"png":          {pngOf(t, img), PNG, false},
		"png 16 bits":  {pngOf(t, deep), PNG, false},
		"png 16 gray":  {pngOf(t, gray), PNG, true},
		"gif":          {gifOf(t, img, 1), GIF, false},
		"bmp":          {bmpOf(t, img), BMP, false},
		"ppm":          {pnmOf(img, "P6", 255), PNM, false},
		"ppm 16 bits":  {pnmOf(img, "P6", 65535), PNM, false},
		"pgm":          {pnmOf(img, "P5", 255), PNM, true},
		"pgm 16 bits":  {pnmOf(img, "P5", 1023), PNM, true},
		"webp":         {webpOf(64, 48), WebP, false},
		"jp2":          {jp2Of(t, img), JP2, false},
		"codestream":   {jp2Of(t, img)[85:], JP2, false},
		"exif upright": {withEXIF(jpegOf(t, img), 1, false), JPEG, false},
	} {
		if got := Detect(c.data); got != c.want {
			t.Errorf("%s: format %q", name, got)
		}
		out, err := Read(c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if out.Rect != img.Rect {
			t.Errorf("%s: bounds %v", name, out.Rect)
		}
		p := out.RGBAAt(5, 5)
		if c.gray && (p.R != p.G || p.G != p.B) || !c.gray && (p.R < 200 || p.G > 60) {
			t.Errorf("%s: pixel %v", name, p)
		}
	}
}

func TestOrientation(t *testing.T) {
	// Where the red quarter of the stored picture lies after turning.
	want := map[uint16]image.Point{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 1}, 8: {0, 1}, 9: {0, 0}, 0: {0, 0}}
	for o, at := range want {
		for _, big := range []bool{false, true} {
			out, err := Read(withEXIF(jpegOf(t, corner(64, 48)), o, big))
			if err != nil {
				t.Fatal(err)
			}
			size := image.Pt(64, 48)
			if o >= 5 && o <= 8 {
				size = image.Pt(48, 64)
			}
			if out.Rect.Size() != size {
				t.Errorf("orientation %d: size %v", o, out.Rect.Size())
			}
			for q := range 4 {
				quarter := image.Pt(q%2, q/2)
				p := out.RGBAAt(size.X/4+quarter.X*size.X/2, size.Y/4+quarter.Y*size.Y/2)
				if red := p.R > 200 && p.G < 60; red != (quarter == at) {
					t.Errorf("orientation %d: quarter %v red %v, want the red one at %v", o, quarter, red, at)
				}
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	img := corner(64, 48)
	huge := pnmOf(img, "P6", 255)
	huge = bytes.Replace(huge, []byte("64 48"), []byte("99999"), 1)
	wide := pngOf(t, img)
	binary.BigEndian.PutUint32(wide[16:], 60000)
	animatedPNG := pngOf(t, img)
	actl := append(binary.BigEndian.AppendUint32(nil, 8), "acTL\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00"...)
	animatedPNG = append(append(bytes.Clone(animatedPNG[:33]), actl...), animatedPNG[33:]...)
	animatedWebP := append([]byte("RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x3f\x00\x00\x2f\x00\x00"), "ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	hugeWebP := append([]byte("RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x3f\x00\x00\x2f\x00\x00"), "VP8 \x0a\x00\x00\x00\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f"...)
	for name, data := range map[string][]byte{
		"nothing":       nil,
		"text":          []byte("not a picture"),
		"tiny":          pngOf(t, corner(8, 8)),
		"cut jpeg":      jpegOf(t, img)[:300],
		"cut png":       pngOf(t, img)[:60],
		"cut gif":       gifOf(t, img, 1)[:60],
		"cut bmp":       bmpOf(t, img)[:2000],
		"cut jp2":       jp2Of(t, img)[:400],
		"cut ppm":       pnmOf(img, "P6", 255)[:2000],
		"cut webp":      []byte("RIFF\x40\x00\x00\x00WEBPVP8L"),
		"huge ppm":      huge,
		"huge png":      wide,
		"huge webp":     hugeWebP,
		"animated gif":  gifOf(t, img, 2),
		"animated png":  animatedPNG,
		"animated webp": animatedWebP,
		"tiny webp":     webpOf(8, 8),
		"wide webp":     webpOf(16000, 40),
		"long":          append(jpegOf(t, img), make([]byte, MaxBytes)...),
	} {
		if _, err := Read(data); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: %v, want %s", name, err, eid.CodeInput)
		}
	}
}

func FuzzRead(f *testing.F) {
	img := corner(40, 36)
	for _, data := range [][]byte{
		jpegOf(f, img), withEXIF(jpegOf(f, img), 6, true), pngOf(f, img), gifOf(f, img, 1), gifOf(f, img, 2), bmpOf(f, img),
		pnmOf(img, "P5", 255), pnmOf(img, "P6", 999), jpegOf(f, img)[:200],
		[]byte("RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x3f\x00\x00\x2f\x00\x00VP8 \x0a\x00\x00\x00"),
	} {
		f.Add(data)
	}
	f.Add(webpOf(40, 36))
	f.Add(jp2Of(f, img))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := Read(data)
		if err != nil {
			if eid.CodeOf(err) != eid.CodeInput {
				t.Errorf("%v is not %s", err, eid.CodeInput)
			}
			return
		}
		if face.CheckSize(img.Rect.Dx(), img.Rect.Dy()) != nil || len(img.Pix) != 4*img.Rect.Dx()*img.Rect.Dy() {
			t.Errorf("image of %v with %d bytes", img.Rect, len(img.Pix))
		}
	})
}
