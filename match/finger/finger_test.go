package finger

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/ridge"
)

// moved returns the image turned counter-clockwise about its centre and
// resampled to another resolution, white around.
func moved(img Image, angle float64, dpi int) Image {
	g := newGrey(Image{Width: img.Width, Height: img.Height, DPI: DPI, Pixels: img.Pixels})
	if dpi < img.DPI {
		g = g.box()
	}
	out := flat(img.Width*dpi/img.DPI, img.Height*dpi/img.DPI, 240)
	out.DPI = dpi
	sin, cos := math.Sincos(angle)
	scale := float64(img.DPI) / float64(dpi)
	for y := range out.Height {
		for x := range out.Width {
			u := (float64(x) + 0.5 - float64(out.Width)/2) * scale
			v := (float64(y) + 0.5 - float64(out.Height)/2) * scale
			sx := u*cos - v*sin + float64(img.Width)/2 - 0.5
			sy := u*sin + v*cos + float64(img.Height)/2 - 0.5
			if sx >= 0 && sy >= 0 && sx < float64(img.Width-1) && sy < float64(img.Height-1) {
				c, r := betweenPixels(float32(sx), g.w), betweenPixels(float32(sy), g.h)
				at := g.pix[r.first*g.w+c.first:]
				out.Pixels[y*out.Width+x] = byte(bilinear(at, at[g.w:], c.share, r.share))
			}
		}
	}
	return out
}

func mustExtract(t testing.TB, img Image) *Template {
	t.Helper()
	tpl, _, err := Extract(img)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestRotation(t *testing.T) {
	f := ridge.Grow(21)
	first := mustExtract(t, Image(*f.Impression(0, ridge.WindowZFM)))
	second := Image(*f.Impression(1, ridge.WindowZFM))
	for degrees := -40; degrees <= 40; degrees += 20 {
		turned := mustExtract(t, moved(second, float64(degrees)*math.Pi/180, DPI))
		if s := Compare(first, turned); s < Threshold {
			t.Errorf("turned by %d degrees: score %.2f, want at least %.1f", degrees, s, Threshold)
		}
	}
}

// TestAngles: turning the image turns the minutiae, in ISO's sense.
func TestAngles(t *testing.T) {
	img := Image(*ridge.Grow(22).Impression(0, ridge.Window{Width: 300, Height: 300}))
	a, b := mustExtract(t, img), mustExtract(t, moved(img, math.Pi/2, DPI))
	same := 0
	for _, m := range a.Minutiae {
		// A quarter turn counter-clockwise takes (x, y) to (y, 299-x).
		for _, n := range b.Minutiae {
			near := math.Hypot(float64(n.X-m.Y), float64(n.Y-(299-m.X))) <= 4
			off := int8(n.Angle - m.Angle - 64)
			if near && off >= -8 && off <= 8 {
				same++
				break
			}
		}
	}
	if len(a.Minutiae) < 15 || same < len(a.Minutiae)*8/10 {
		t.Errorf("%d of %d minutiae are found turned by a quarter", same, len(a.Minutiae))
	}
}

func TestResolution(t *testing.T) {
	f := ridge.Grow(23)
	first := mustExtract(t, Image(*f.Impression(0, ridge.WindowZFM)))
	second := Image(*f.Impression(1, ridge.WindowZFM))
	for _, dpi := range []int{363, 508, 569, 1000} {
		tpl := mustExtract(t, moved(second, 0, dpi))
		if d := tpl.Width - 256; d < -2 || d > 2 {
			t.Errorf("%d dpi: template is %d wide, want 256", dpi, tpl.Width)
		}
		if s := Compare(first, tpl); s < Threshold {
			t.Errorf("%d dpi: score %.2f, want at least %.1f", dpi, s, Threshold)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, img := range []Image{
		{},
		flat(149, 288, 9),
		flat(256, 1001, 9),
		{Width: 200, Height: 700, DPI: 250, Pixels: make([]byte, 200*700)}, // 1400 pixels at 500 dpi
		{Width: 256, Height: 288, DPI: 500, Pixels: make([]byte, 5)},
		{Width: 256, Height: 288, DPI: 0, Pixels: make([]byte, 256*288)},
		{Width: 256, Height: 288, DPI: 1 << 40, Pixels: make([]byte, 256*288)},
		{Width: -256, Height: -288, DPI: 500, Pixels: make([]byte, 256*288)},
	} {
		if _, _, err := Extract(img); !errors.Is(err, ErrImage) {
			t.Errorf("%dx%d at %d dpi, %d bytes: error %v, want ErrImage", img.Width, img.Height, img.DPI, len(img.Pixels), err)
		}
	}
}

// TestSymmetry also holds nothing, everything alike, and templates that no
// extractor makes.
func TestSymmetry(t *testing.T) {
	var templates []*Template
	for seed := range uint64(3) {
		f := ridge.Grow(30 + seed)
		for n := range 2 {
			templates = append(templates, mustExtract(t, Image(*f.Impression(n, ridge.WindowR503))))
		}
	}
	heap := &Template{Width: 256, Height: 288, Minutiae: slices.Repeat([]Minutia{{X: 100, Y: 100, Angle: 7, Kind: Ending, Quality: 1}}, 300)}
	wild := &Template{Minutiae: []Minutia{{X: math.MaxInt, Y: math.MinInt}, {X: math.MinInt}, {}, {Angle: 255}}}
	templates = append(templates, nil, &Template{}, heap, wild)
	for i, a := range templates {
		for k, b := range templates {
			s, r := Compare(a, b), Compare(b, a)
			if s != r || math.IsNaN(s) || math.IsInf(s, 0) || s < 0 {
				t.Errorf("templates %d and %d: %v one way, %v the other", i, k, s, r)
			}
		}
	}
	if Compare(templates[0], templates[0]) < 2*Threshold {
		t.Error("a template does not match itself")
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(uint16(256), uint16(288), uint16(500), []byte{0, 255, 7})
	f.Add(uint16(150), uint16(160), uint16(300), []byte{0, 0, 0, 0, 255, 255, 255, 255, 255})
	f.Add(uint16(150), uint16(150), uint16(500), ridge.Grow(1).Impression(0, ridge.Window{Width: 150, Height: 150}).Pixels)
	f.Add(uint16(65535), uint16(1), uint16(0), []byte{})
	f.Fuzz(func(t *testing.T, width, height, dpi uint16, seed []byte) {
		img := Image{Width: int(width), Height: int(height), DPI: int(dpi)}
		if len(seed) > 0 && int(width)*int(height) <= MaxSide*MaxSide {
			// The bytes repeat over the image, so that small inputs make patterns.
			img.Pixels = slices.Repeat(seed, img.Width*img.Height/len(seed)+1)[:img.Width*img.Height]
		}
		tpl, q, err := Extract(img)
		if err != nil {
			if !errors.Is(err, ErrImage) || tpl != nil {
				t.Fatalf("error %v with template %v", err, tpl)
			}
			return
		}
		checkBounds(t, tpl, q)
	})
}

func BenchmarkExtract(b *testing.B) {
	img := Image(*ridge.Grow(1).Impression(0, ridge.WindowZFM))
	mustExtract(b, img) // computes the filter bank
	for b.Loop() {
		mustExtract(b, img)
	}
}

// BenchmarkExtractLarge is the size that extraction is measured by, with an
// extractor that is kept and with a new one each time.
func BenchmarkExtractLarge(b *testing.B) {
	img := Image(*ridge.Grow(1).Impression(0, ridge.Window{Width: 388, Height: 374}))
	var e Extractor
	for name, extract := range map[string]func(Image) (*Template, Quality, error){"kept": e.Extract, "new": Extract} {
		b.Run(name, func(b *testing.B) {
			start := cpuTime(b)
			for b.Loop() {
				if _, _, err := extract(img); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-start)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpuTime is the processor time that this process took: what a machine with
// other work can tell.
func cpuTime(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkCompare(b *testing.B) {
	f := ridge.Grow(1)
	p := Prepare(mustExtract(b, Image(*f.Impression(0, ridge.WindowZFM))))
	for name, img := range map[string]Image{
		"genuine":  Image(*f.Impression(1, ridge.WindowZFM)),
		"impostor": Image(*ridge.Grow(2).Impression(1, ridge.WindowZFM)),
	} {
		q := Prepare(mustExtract(b, img))
		b.Run(name, func(b *testing.B) {
			var m Matcher
			start := cpuTime(b)
			for b.Loop() {
				m.Compare(p, q)
			}
			b.ReportMetric(float64(cpuTime(b)-start)/1e3/float64(b.N), "cpu-us/op")
			b.ReportMetric(float64(len(p.minutiae)+len(q.minutiae))/2, "minutiae")
		})
	}
}

func ExampleCompare() {
	mine, other := ridge.Grow(41), ridge.Grow(42)
	a, _, _ := Extract(Image(*mine.Impression(0, ridge.WindowZFM)))
	b, _, _ := Extract(Image(*mine.Impression(1, ridge.WindowZFM)))
	c, _, _ := Extract(Image(*other.Impression(0, ridge.WindowZFM)))
	fmt.Println(Compare(a, b) >= Threshold, Compare(a, c) >= Threshold)
	// Output: true false
}
