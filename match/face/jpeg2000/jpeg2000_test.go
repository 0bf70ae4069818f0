package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"math"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// scene is a picture with soft and hard edges and some grain.
func scene(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	grain := uint32(1)
	for y := range height {
		for x := range width {
			grain = grain*1664525 + 1013904223
			fx, fy := float64(x)/float64(width), float64(y)/float64(height)
			v := 120 + 80*math.Sin(9*fx+4*fy) + float64(grain>>29)
			c := color.RGBA{uint8(v), uint8(0.7 * v), uint8(60 + 100*fy), 255}
			if math.Hypot(fx-0.5, fy-0.5) < 0.2 {
				c.B = 30
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

// likeness is the peak signal-to-noise ratio in dB over the colours.
func likeness(a, b *image.RGBA) float64 {
	var sum float64
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255/(sum/float64(len(a.Pix)*3/4)+1e-9))
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		width, height, most int
		least               float64 // dB
	}{
		{100, 100, 3000, 34},
		{240, 320, 12 << 10, 36},
		{480, 640, 100 << 10, 42},
		{480, 640, 20 << 10, 35},
		{1000, 1300, 100 << 10, 35},
		{1000, 1300, 8 << 20, 44}, // more than it can use
		{101, 133, 5000, 36},
		{32, 32, 1000, 30},
	} {
		img := scene(c.width, c.height)
		began := time.Now()
		data, err := Encode(img, c.most)
		if err != nil {
			t.Errorf("%dx%d in %d bytes: %v", c.width, c.height, c.most, err)
			continue
		}
		took := time.Since(began)
		began = time.Now()
		back, err := Decode(data)
		if err != nil || back.Rect != img.Rect {
			t.Errorf("%dx%d in %d bytes: read again: %v", c.width, c.height, c.most, err)
			continue
		}
		db := likeness(img, back)
		t.Logf("%dx%d: %d of %d bytes, %.1f dB, written in %v, read in %v", c.width, c.height, len(data), c.most, db, took, time.Since(began))
		if len(data) > c.most || db < c.least || !Is(data) {
			t.Errorf("%dx%d: %d of %d bytes, %.1f dB, want %g", c.width, c.height, len(data), c.most, db, c.least)
		}
		// Without the boxes, as some passports have it.
		f, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if bare, err := Decode(f.stream); err != nil || !bytes.Equal(bare.Pix, back.Pix) {
			t.Errorf("%dx%d: the bare codestream is another picture: %v", c.width, c.height, err)
		}
	}
}

// TestPart: a cut-out of a larger picture, whose rows are longer than its own.
func TestPart(t *testing.T) {
	whole := scene(300, 300)
	part := whole.SubImage(image.Rect(50, 60, 210, 260)).(*image.RGBA)
	data, err := Encode(part, 40<<10)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil || back.Rect != image.Rect(0, 0, 160, 200) {
		t.Fatalf("%v, %v", back.Rect, err)
	}
	for _, p := range []image.Point{{0, 0}, {159, 199}, {80, 100}} {
		got, want := back.RGBAAt(p.X, p.Y), part.RGBAAt(50+p.X, 60+p.Y)
		if d := int(got.R) - int(want.R); d < -8 || d > 8 {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	if _, err := Encode(scene(100, 100), 300); !errors.Is(err, ErrTooLarge) {
		t.Errorf("300 bytes: %v", err)
	}
	if _, err := Encode(scene(16, 100), 3000); err == nil {
		t.Error("an image of 16 columns is written")
	}
}

// TestLuminance: the same samples, said to be sYCC.
func TestLuminance(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []byte{150, 100, 170, 255}) // Y, Cb, Cr
	}
	data, err := Encode(img, 20000)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("colr"))
	binary.BigEndian.PutUint32(data[at+7:], sYCC)
	back, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	r, g, b := color.YCbCrToRGB(150, 100, 170)
	got := back.RGBAAt(30, 30)
	for i, pair := range [][2]uint8{{got.R, r}, {got.G, g}, {got.B, b}} {
		if d := int(pair[0]) - int(pair[1]); d < -2 || d > 2 {
			t.Errorf("channel %d is %d, want %d", i, pair[0], pair[1])
		}
	}
}

// parts of the files under test: offsets behind a marker and its length.
func behind(t testing.TB, data []byte, marker uint16) int {
	t.Helper()
	at := bytes.Index(data, binary.BigEndian.AppendUint16(nil, marker))
	if at < 0 {
		t.Fatalf("no marker %04x", marker)
	}
	return at + 4
}

func TestDecodeRefuses(t *testing.T) {
	good, err := Encode(scene(160, 200), 8000)
	if err != nil {
		t.Fatal(err)
	}
	change := func(marker uint16, offset int, b ...byte) []byte {
		out := bytes.Clone(good)
		copy(out[behind(t, good, marker)+offset:], b)
		return out
	}
	bare := good[behind(t, good, markSIZ)-6:]
	tile := bytes.Index(bare, []byte{0xff, 0x90})
	insert := func(segment ...byte) []byte {
		return append(append(bytes.Clone(bare[:tile]), segment...), bare[tile:]...)
	}
	// A box before the codestream that pretends to hold the size.
	at := behind(t, good, markSIZ)
	decoy := append(bytes.Clone(good[:12]), 0, 0, 0, 54, 'f', 'r', 'e', 'e')
	decoy = append(decoy, good[at-6:at+40]...)
	decoy = append(decoy, change(markSIZ, 2, 0x7f, 0xff)[12:]...)
	for name, data := range map[string][]byte{
		"nothing":            nil,
		"png":                []byte("\x89PNG\r\n\x1a\n"),
		"signature only":     good[:12],
		"header only":        bare[:60],
		"half a stream":      bare[:len(bare)/2],
		"no tile":            append(bytes.Clone(bare[:tile]), 0xff, 0xd9),
		"huge":               change(markSIZ, 2, 0x7f, 0xff, 0xff, 0xff),
		"huge behind free":   decoy,
		"16 megapixels":      change(markSIZ, 2, 0, 0, 16, 0, 0, 0, 16, 0),
		"no width":           change(markSIZ, 2, 0, 0, 0, 0),
		"offset past end":    change(markSIZ, 10, 0xff, 0xff, 0xff, 0xff),
		"tiny tiles":         change(markSIZ, 18, 0, 0, 0, 1, 0, 0, 0, 1),
		"no tiles":           change(markSIZ, 18, 0, 0, 0, 0),
		"many components":    change(markSIZ, 34, 0xff, 0xff),
		"tiny blocks":        change(markCOD, 6, 0, 0),
		"many layers":        change(markCOD, 2, 0xff, 0xff),
		"many levels":        change(markCOD, 5, 200),
		"tile-part too long": change(markSOT, 2, 0xff, 0xff, 0xff, 0xff),
		"palette":            bytes.Replace(good, []byte("ihdr"), []byte("pclr"), 1),
		"order changes":      insert(0xff, 0x5f, 0, 9, 0, 0, 0, 1, 1, 3, 0),
		"tiny precincts":     insert(0xff, 0x52, 0, 18, 1, 0, 0, 1, 1, 5, 4, 4, 0, 0, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11),
		"cut precincts":      insert(0xff, 0x52, 0, 13, 1, 0, 0, 1, 1, 5, 4, 4, 0, 0, 0xff),
		"too long":           append(bytes.Clone(good), make([]byte, 5<<20)...),
	} {
		began := time.Now()
		if _, err := Decode(data); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: %v, want %s", name, err, eid.CodeInput)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: refused after %v", name, took)
		}
	}
}

// TestDamage: whatever the library makes of a damaged image, it neither ends the
// process nor takes long.
func TestDamage(t *testing.T) {
	good, err := Encode(scene(48, 48), 1500)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for _, mask := range []byte{0xff, 0x01} {
			bad := bytes.Clone(good)
			bad[i] ^= mask
			began := time.Now()
			if img, err := Decode(bad); err == nil && img.Rect.Dx()*img.Rect.Dy() > maxPixels {
				t.Fatalf("byte %d changed: %v", i, img.Rect)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("byte %d changed: %v", i, took)
			}
		}
	}
}

// FuzzDecode: an image of any bytes is read or refused, within bounds and time.
func FuzzDecode(f *testing.F) {
	good, err := Encode(scene(48, 40), 2500)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[behind(f, good, markSIZ)-6:])
	f.Add([]byte("\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x01jp2c\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		img, err := Decode(data)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		if err == nil && img.Rect.Dx()*img.Rect.Dy() > maxPixels {
			t.Errorf("accepted an image of %v", img.Rect)
		}
	})
}
