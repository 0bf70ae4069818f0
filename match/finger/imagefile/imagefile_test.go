package imagefile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// pattern is an image whose pixels depend on their place.
func pattern(w, h, dpi int) Image {
	img := Image{Width: w, Height: h, DPI: dpi, Pixels: make([]byte, w*h)}
	for i := range img.Pixels {
		x, y := i%w, i/w
		img.Pixels[i] = uint8(128 + 100*math.Sin(float64(x)/3+float64(y)/7))
	}
	return img
}

func TestWriteThenRead(t *testing.T) {
	for _, f := range []Format{PNG, TIFF, BMP, JPEG, WSQ, PGM} {
		for _, s := range [][3]int{{150, 150, 500}, {257, 199, 508}, {161, 163, 0}, {1, 1, 1000}} {
			img := pattern(s[0], s[1], s[2])
			if f == PGM {
				img.DPI = 0 // it cannot say
			}
			data, err := Write(img, f)
			if err != nil {
				t.Fatal(err)
			}
			back, got, err := Read(data)
			if err != nil {
				t.Fatalf("%s %v: %v", f, s, err)
			}
			if got != f || Detect(data) != f || back.Width != img.Width || back.Height != img.Height || back.DPI != img.DPI {
				t.Errorf("%s %v: %s %dx%d at %d dpi", f, s, got, back.Width, back.Height, back.DPI)
			}
			worst := 0
			for i := range img.Pixels {
				worst = max(worst, int(img.Pixels[i])-int(back.Pixels[i]), int(back.Pixels[i])-int(img.Pixels[i]))
			}
			limit := map[Format]int{JPEG: 12, WSQ: 60}[f]
			if worst > limit {
				t.Errorf("%s %v: a pixel is off by %d", f, s, worst)
			}
		}
	}
}

func TestRaw(t *testing.T) {
	img := pattern(160, 150, 500)
	data, err := Write(img, Raw)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadRaw(data, 160, 150, 500)
	if err != nil || !bytes.Equal(back.Pixels, img.Pixels) || back.DPI != 500 {
		t.Errorf("%v", err)
	}
	if _, err := ReadRaw(data, 160, 151, 500); !errors.Is(err, ErrFormat) {
		t.Errorf("a row too many: %v", err)
	}
	if _, err := ReadRaw(nil, 65535, 65535, 500); !errors.Is(err, ErrTooLarge) {
		t.Errorf("65535x65535: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	if _, err := Write(pattern(10, 10, 500), "gif"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("gif: %v", err)
	}
	if _, err := Write(Image{Width: 10, Height: 10, Pixels: make([]byte, 99)}, PNG); !errors.Is(err, ErrFormat) {
		t.Errorf("99 of 100 pixels: %v", err)
	}
	if _, err := Write(Image{Width: 10, Height: 10, DPI: -1, Pixels: make([]byte, 100)}, BMP); !errors.Is(err, ErrFormat) {
		t.Errorf("-1 dpi: %v", err)
	}
}

// TestStoredValues: colour becomes luma, deep samples their upper half, nothing
// is gamma corrected.
func TestStoredValues(t *testing.T) {
	r := image.Rect(0, 0, 3, 1)
	deep := image.NewGray16(r)
	colour := image.NewRGBA(r)
	clear := image.NewNRGBA(r)
	indexed := image.NewPaletted(r, color.Palette{color.Gray{7}, color.Gray{200}, color.RGBA{255, 0, 0, 255}})
	for x, v := range []uint8{0, 100, 255} {
		deep.SetGray16(x, 0, color.Gray16{uint16(v)<<8 | 0x80})
		colour.SetRGBA(x, 0, color.RGBA{v, v, v, 255})
		clear.SetNRGBA(x, 0, color.NRGBA{v, v, v, 77})
		indexed.SetColorIndex(x, 0, uint8(x))
	}
	for name, c := range map[string]struct {
		img  image.Image
		want []byte
	}{
		"16 bits": {deep, []byte{0, 100, 255}}, "rgb": {colour, []byte{0, 100, 255}},
		"transparent": {clear, []byte{0, 100, 255}}, "indexed": {indexed, []byte{7, 200, 76}},
	} {
		var out bytes.Buffer
		if err := png.Encode(&out, c.img); err != nil {
			t.Fatal(err)
		}
		img, _, err := Read(out.Bytes())
		if err != nil || !bytes.Equal(img.Pixels, c.want) {
			t.Errorf("%s: %v %v, want %v", name, img.Pixels, err, c.want)
		}
	}
}

func TestColourJPEGIsItsLuma(t *testing.T) {
	m := image.NewYCbCr(image.Rect(0, 0, 16, 16), image.YCbCrSubsampleRatio444)
	for i := range m.Y {
		m.Y[i], m.Cb[i], m.Cr[i] = 90, 60, 200
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, nil); err != nil {
		t.Fatal(err)
	}
	img, f, err := Read(out.Bytes())
	if err != nil || f != JPEG || img.Pixels[100] < 88 || img.Pixels[100] > 92 {
		t.Errorf("%s %v %v", f, err, img.Pixels[100])
	}
}

func TestResolution(t *testing.T) {
	for _, c := range []struct {
		x, y, inches float64
		want         int
		refused      bool
	}{
		{500, 500, 1, 500, false},
		{19685, 19685, metre, 500, false},
		{197, 197, centimetre, 500, false},
		{0, 0, 1, 0, false},
		{500, 0, 1, 500, false},
		{math.NaN(), 1, 1, 0, false},
		{math.Inf(1), 1, 1, 0, false},
		{500, 504, 1, 500, false},
		{500, 250, 1, 0, true},
		{1e9, 1e9, 1, 0, false},
	} {
		got, err := resolution(c.x, c.y, c.inches)
		if got != c.want || (err != nil) != c.refused {
			t.Errorf("%v: %d %v", c, got, err)
		}
	}
}

func TestUnknownAndEmptyFiles(t *testing.T) {
	for _, data := range []string{"", "B", "GIF89a", "\x89PN", "FMR\x00 20\x00"} {
		if _, _, err := Read([]byte(data)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// TestClaimedSize: headers that claim 65535x65535 (or more) are refused.
func TestClaimedSize(t *testing.T) {
	img := pattern(20, 20, 500)
	for f, change := range map[Format]func(b []byte){
		PNG: func(b []byte) {
			copy(b[16:], "\x00\x00\xff\xff\x00\x00\xff\xff")
			binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		},
		PGM:  func(b []byte) { copy(b, "P5 65535 65535 255 ") },
		TIFF: func(b []byte) { copy(b[10+8:], "\xff\xff\x00\x00"); copy(b[22+8:], "\xff\xff\x00\x00") },
		BMP:  func(b []byte) { copy(b[18:], "\xff\xff\x00\x00\xff\xff\x00\x00") },
		JPEG: func(b []byte) { at := bytes.Index(b, []byte("\xff\xc0")); copy(b[at+5:], "\xff\xff\xff\xff") },
		WSQ:  func(b []byte) { at := bytes.Index(b, []byte("\xff\xa2")); copy(b[at+6:], "\xff\xff\xff\xff") },
	} {
		data, err := Write(img, f)
		if err != nil {
			t.Fatal(err)
		}
		change(data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err = Read(data)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "out of bounds") {
			t.Errorf("%s: %v", f, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a header", f, grown)
		}
	}
}

func TestCutFiles(t *testing.T) {
	for _, f := range []Format{PNG, TIFF, BMP, WSQ, JPEG, PGM} {
		data, err := Write(pattern(20, 20, 500), f)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(data) - 2 { // the library reads a JPEG without its last marker
			if _, _, err := Read(data[:n]); err == nil && f != PNG && f != JPEG {
				t.Fatalf("%s: %d of %d bytes decode", f, n, len(data))
			}
		}
	}
}

// TestBMPGolden is a 2x2 bitmap of 24 bits, written by hand.
func TestBMPGolden(t *testing.T) {
	data, err := hex.DecodeString("424d" + "46000000" + "00000000" + "36000000" +
		"28000000" + "02000000" + "02000000" + "0100" + "1800" + "00000000" + "10000000" +
		"e54c0000" + "e54c0000" + "00000000" + "00000000" +
		"0a0a0a" + "141414" + "0000" + "0000ff" + "ffffff" + "0000")
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{76, 255, 10, 20}; !bytes.Equal(img.Pixels, want) || img.DPI != 500 {
		t.Errorf("%v at %d dpi, want %v at 500", img.Pixels, img.DPI, want)
	}
	copy(data[22:], "\xfe\xff\xff\xff") // height -2: rows from the top
	if img, _, err = Read(data); err != nil || !bytes.Equal(img.Pixels, []byte{10, 20, 76, 255}) {
		t.Errorf("from the top: %v %v", img.Pixels, err)
	}
}

// TestResearchSet reads the sets for which this package was written, where they are.
func TestResearchSet(t *testing.T) {
	root := os.Getenv("FVC2000")
	if root == "" {
		t.Skip("FVC2000 names no folder: the research sets are not read")
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*.tif"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no images: %v", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(data); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	t.Logf("%d images read", len(files))
}

func FuzzRead(f *testing.F) {
	for _, format := range []Format{PNG, TIFF, BMP, JPEG, WSQ, PGM} {
		data, err := Write(pattern(9, 7, 500), format)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	f.Add(packedTIFF(pattern(40, 9, 500), packPackBits, 4, rng))
	f.Add(packedTIFF(pattern(40, 9, 500), packLZW, 4, rng))
	f.Add(packedTIFF(pattern(40, 9, 500), packDeflate, 9, rng))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, _, err := Read(data)
		if err != nil {
			return
		}
		if err := img.Check(); err != nil {
			t.Error(err)
		}
	})
}
