package wsq

import (
	"bytes"
	"errors"
	"image"
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
)

// finger is grown once: growing takes longer than everything else here.
var finger = sync.OnceValue(func() *ridge.Finger { return ridge.Grow(7) })

// synthetic is impression n of the finger on a window.
func synthetic(n, w, h int) *image.Gray {
	m := finger().Impression(n, ridge.Window{Width: w, Height: h})
	return &image.Gray{Pix: m.Pixels, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
}

// psnr in dB.
func psnr(a, b *image.Gray) float64 {
	sum := 0.0
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/sum)
}

func TestRoundTripKeepsRidges(t *testing.T) {
	for _, c := range []struct {
		w, h      int
		rate      float64
		psnr, bpp float64 // at least, at most
	}{
		{256, 288, RateStandard, 29, 0.76},
		{256, 288, RateFine, 36, 2.26},
		{388, 374, RateStandard, 30, 0.60},
		{388, 374, RateFine, 36, 2.26},
		{301, 333, RateFine, 36, 2.26},
		{192, 192, RateStandard, 28, 0.95}, // tables and headers weigh more
	} {
		img := synthetic(7, c.w, c.h)
		data, err := Encode(img, Options{BitRate: c.rate, DPI: 500})
		if err != nil {
			t.Fatal(err)
		}
		back, dpi, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if dpi != 500 || back.Rect != img.Rect {
			t.Fatalf("%dx%d came back as %v at %d dpi", c.w, c.h, back.Rect, dpi)
		}
		quality, bpp := psnr(img, back), 8*float64(len(data))/float64(c.w*c.h)
		t.Logf("%dx%d at %.2f: %.2f bits a pixel, 1:%.1f, PSNR %.1f dB", c.w, c.h, c.rate, bpp, 8/bpp, quality)
		if quality < c.psnr || bpp > c.bpp {
			t.Errorf("%dx%d at %.2f: PSNR %.1f dB at %.2f bits a pixel, want %.0f at %.2f", c.w, c.h, c.rate, quality, bpp, c.psnr, c.bpp)
		}
	}
}

func TestEncodeIsDeterministicAndReadsSubimages(t *testing.T) {
	whole := synthetic(3, 256, 288)
	part := whole.SubImage(image.Rect(16, 32, 216, 232)).(*image.Gray)
	packed := image.NewGray(image.Rect(0, 0, 200, 200))
	for y := range 200 {
		copy(packed.Pix[y*200:][:200], part.Pix[y*part.Stride:])
	}
	a, err := Encode(part, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Encode(packed, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("a subimage is encoded unlike its copy")
	}
}

func TestHigherRateIsLargerAndCloser(t *testing.T) {
	img := synthetic(11, 256, 288)
	size, quality := 0, 0.0
	for _, rate := range []float64{0.4, 0.75, 1.5, 2.25, 4} {
		data, err := Encode(img, Options{BitRate: rate})
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if q := psnr(img, back); len(data) <= size || q <= quality {
			t.Errorf("rate %g: %d bytes at %.1f dB after %d at %.1f", rate, len(data), q, size, quality)
		} else {
			size, quality = len(data), q
		}
	}
}

// TestUniform: an image of one grey needs no coefficients and comes back exactly.
func TestUniform(t *testing.T) {
	for _, grey := range []uint8{0, 1, 127, 200, 255} {
		img := image.NewGray(image.Rect(0, 0, 160, 150))
		for i := range img.Pix {
			img.Pix[i] = grey
		}
		data, err := Encode(img, Options{})
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.Pix, img.Pix) {
			t.Errorf("grey %d comes back as %d", grey, back.Pix[0])
		}
	}
}

func TestSmallAndOddSizes(t *testing.T) {
	for _, s := range [][2]int{{1, 1}, {1, 50}, {2, 3}, {7, 5}, {31, 33}, {40, 1}, {63, 65}} {
		img := image.NewGray(image.Rect(0, 0, s[0], s[1]))
		for i := range img.Pix {
			img.Pix[i] = uint8(i * 37)
		}
		data, err := Encode(img, Options{BitRate: 6})
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		back, _, err := Decode(data)
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		if back.Rect != img.Rect {
			t.Errorf("%v came back as %v", s, back.Rect)
		}
	}
}

func TestBoundsAreRefused(t *testing.T) {
	if _, err := Encode(image.NewGray(image.Rect(0, 0, 9000, 10)), Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a side of 9000: %v", err)
	}
	if _, err := Encode(image.NewGray(image.Rect(0, 0, 0, 10)), Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("no width: %v", err)
	}
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	for _, rate := range []float64{-1, 9, math.NaN(), math.Inf(1)} {
		if _, err := Encode(img, Options{BitRate: rate}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("rate %v: %v", rate, err)
		}
	}
}

// TestClaimedSizeTakesNoMemory: the header alone claims 65535x65535.
func TestClaimedSizeTakesNoMemory(t *testing.T) {
	data, err := Encode(synthetic(5, 192, 192), Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte{0xff, 0xa2})
	copy(data[at+6:], []byte{0xff, 0xff, 0xff, 0xff})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err = Decode(data)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("65535x65535: %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes allocated for a header", grown)
	}
}

func TestCutFilesAreRefused(t *testing.T) {
	data, err := Encode(synthetic(5, 192, 192), Options{DPI: 500})
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(data) {
		if _, _, err := Decode(data[:n]); err == nil {
			t.Fatalf("%d of %d bytes decode", n, len(data))
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, o := range []Options{{DPI: 500}, {BitRate: 4}} {
		img := image.NewGray(image.Rect(0, 0, 40, 48)) // growing a finger would slow each fuzzing process
		for i := range img.Pix {
			img.Pix[i] = uint8(i * i >> 3)
		}
		data, err := Encode(img, o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(minimal())
	f.Fuzz(func(t *testing.T, data []byte) {
		img, dpi, err := Decode(data)
		if err != nil {
			return
		}
		if len(img.Pix) != img.Rect.Dx()*img.Rect.Dy() || len(img.Pix) > MaxPixels || dpi < 0 {
			t.Errorf("%v with %d pixels at %d dpi", img.Rect, len(img.Pix), dpi)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	img := synthetic(1, 388, 374)
	for b.Loop() {
		if _, err := Encode(img, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data, err := Encode(synthetic(1, 388, 374), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
