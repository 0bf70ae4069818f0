package format

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/enrold/enrold/match/finger/imagefile"
)

func picture(w, h, dpi int) imagefile.Image {
	img := imagefile.Image{Width: w, Height: h, DPI: dpi, Pixels: make([]byte, w*h)}
	for i := range img.Pixels {
		img.Pixels[i] = byte(i*7 + i/w*3)
	}
	return img
}

func tiny(t testing.TB) FingerImage {
	t.Helper()
	f, err := NewFingerImage(7, imagefile.Image{Width: 3, Height: 2, DPI: 500, Pixels: []byte{1, 2, 3, 4, 5, 6}}, imagefile.Raw)
	if err != nil {
		t.Fatal(err)
	}
	f.Quality = 60
	return f
}

func imageGoldens(t testing.TB) map[Format][]byte {
	return map[Format][]byte{
		ImageISO2005: unhex(t, "46495200 30313000",
			"000000000034",            // 52 bytes
			"0000 001f 01",            // no device, level 31, one finger
			"01 01f4 01f4 01f4 01f4",  // 500 pixels an inch
			"08 00 0000",              // 8 bits, uncompressed
			"00000014 07 01 01 3c 00", // 20 bytes, left index, view 1 of 1, quality 60, live plain
			"0003 0002 00 010203040506"),
		ImageISO2011: unhex(t, "46495200 30323000",
			"00000044 0001 00 01", // 68 bytes, one representation, one position
			"00000034 ffffffffffffffffff 00 0000 0000",
			"01 3c 0000 0000", // quality 60
			"07 00",           // left index, number 0
			"01 01f4 01f4 01f4 01f4 08 00 00",
			"0003 0002 00000006 010203040506"),
	}
}

func TestGoldenImages(t *testing.T) {
	for f, want := range imageGoldens(t) {
		got, err := WriteImages([]FingerImage{tiny(t)}, f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if hex.EncodeToString(got) != hex.EncodeToString(want) {
			t.Errorf("%s is written as\n%x, want\n%x", f, got, want)
		}
		images, detected, err := ReadImages(want)
		if err != nil || detected != f || !reflect.DeepEqual(images, []FingerImage{tiny(t)}) {
			t.Errorf("%s is read as %s %+v: %v", f, detected, images, err)
		}
		for n := range len(want) {
			if _, _, err := ReadImages(want[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are read", f, n, len(want))
			}
		}
	}
}

// TestEncodings: ten fingers in each encoding come back as their pixels.
func TestEncodings(t *testing.T) {
	img := picture(160, 150, 500)
	for _, f := range []Format{ImageISO2005, ImageISO2011} {
		for _, encoding := range []imagefile.Format{imagefile.Raw, imagefile.PNG, imagefile.WSQ, imagefile.JPEG} {
			var images []FingerImage
			for at := 1; at <= 10; at++ {
				m, err := NewFingerImage(position(at), img, encoding)
				if err != nil {
					t.Fatal(err)
				}
				images = append(images, m)
			}
			images = append(images, images[9]) // a second view of the last
			images[10].Number = 1
			data, err := WriteImages(images, f)
			if err != nil {
				t.Fatalf("%s %s: %v", f, encoding, err)
			}
			back, _, err := ReadImages(data)
			if err != nil || !reflect.DeepEqual(back, images) {
				t.Fatalf("%s %s: %v", f, encoding, err)
			}
			got, err := back[3].Decode()
			if err != nil {
				t.Fatalf("%s %s: %v", f, encoding, err)
			}
			lossless := encoding == imagefile.Raw || encoding == imagefile.PNG
			if got.DPI != 500 || got.Width != 160 || lossless && !bytes.Equal(got.Pixels, img.Pixels) {
				t.Errorf("%s %s: %dx%d at %d dpi", f, encoding, got.Width, got.Height, got.DPI)
			}
		}
	}
}

func TestCentimetresBecomeInches(t *testing.T) {
	for perCm, want := range map[int]int{197: 500, 394: 1000, 200: 508, 98: 250, 224: 570, 236: 600, 39: 100} {
		if got := dpi(perCm); got != want {
			t.Errorf("%d pixels a cm are %d dpi, want %d", perCm, got, want)
		}
	}
	b := append([]byte{}, imageGoldens(t)[ImageISO2005]...)
	b[19] = perCm
	for i := range 4 {
		copy(b[20+2*i:], []byte{0, 197})
	}
	images, _, err := ReadImages(b)
	if err != nil || images[0].DPI != 500 {
		t.Errorf("%+v %v", images, err)
	}
}

func TestRecordsThatLie(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *FingerImage)
		want   error
	}{
		"other encoding":     {func(f *FingerImage) { f.Encoding = imagefile.WSQ }, ErrFormat},
		"other size":         {func(f *FingerImage) { f.Width++ }, ErrFormat},
		"jpeg 2000":          {func(f *FingerImage) { f.Encoding = JPEG2000 }, ErrUnsupported},
		"raw of other size":  {func(f *FingerImage) { f.Encoding = imagefile.Raw }, imagefile.ErrFormat},
		"raw of 65535x65535": {func(f *FingerImage) { f.Encoding, f.Width, f.Height = imagefile.Raw, 65535, 65535 }, imagefile.ErrTooLarge},
	} {
		f, err := NewFingerImage(1, picture(20, 20, 500), imagefile.PNG)
		if err != nil {
			t.Fatal(err)
		}
		c.change(&f)
		if _, err := f.Decode(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	golden := imageGoldens(t)[ImageISO2005]
	for name, c := range map[string]struct {
		at   int
		b    byte
		want error
	}{
		"12 bits":          {28, 12, ErrUnsupported},
		"compression 6":    {29, 6, ErrFormat},
		"scale unit 3":     {19, 3, ErrFormat},
		"not square":       {25, 0, ErrUnsupported},
		"a second finger":  {18, 2, ErrFormat},
		"block of 5 bytes": {35, 5, ErrFormat},
	} {
		b := append([]byte{}, golden...)
		b[c.at] = c.b
		if _, _, err := ReadImages(b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestImageWritersRefuse(t *testing.T) {
	for name, change := range map[string]func(f *FingerImage){
		"no size": func(f *FingerImage) { f.Width = 0 }, "no resolution": func(f *FingerImage) { f.DPI = 0 },
		"quality": func(f *FingerImage) { f.Quality = 101 }, "pgm": func(f *FingerImage) { f.Encoding = imagefile.PGM },
	} {
		f := tiny(t)
		change(&f)
		for _, format := range []Format{ImageISO2005, ImageISO2011} {
			if _, err := WriteImages([]FingerImage{f}, format); !errors.Is(err, ErrRange) {
				t.Errorf("%s in %s: %v", name, format, err)
			}
		}
	}
	other := tiny(t)
	other.DPI = 1000
	if _, err := WriteImages([]FingerImage{tiny(t), other}, ImageISO2005); !errors.Is(err, ErrRange) {
		t.Errorf("two resolutions in a 2005 record: %v", err)
	}
	if _, err := WriteImages([]FingerImage{tiny(t), other}, ImageISO2011); err != nil {
		t.Errorf("two resolutions in a 2011 record: %v", err)
	}
}

func FuzzReadImages(f *testing.F) {
	for _, g := range imageGoldens(f) {
		f.Add(g)
	}
	f.Add(der39794Images(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		images, _, err := ReadImages(data)
		if err != nil {
			return
		}
		for _, m := range images[:min(len(images), 3)] {
			if img, err := m.Decode(); err == nil && img.Check() != nil {
				t.Error("an image out of its own bounds")
			}
		}
	})
}
