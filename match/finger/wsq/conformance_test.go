package wsq

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The specification's tolerances, as NIST's certification applies them: a
// decoder's pixels may differ by one grey level from the reference's, in at
// most 0.1 % of them; an encoder's bin widths by 0.051 %.
const (
	pixelTolerance = 1
	pixelShare     = 0.001
	widthTolerance = 0.00051
)

func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// chirp has rings of all periods and all grey levels.
func chirp(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		x, y := float64(i%w), float64(i/w)
		r := math.Hypot(x-20, y-30)
		img.Pix[i] = uint8(math.Round(127.5 + 127.5*math.Cos(r*r/60+x/9)))
	}
	return img
}

func TestDecoderAgreesWithReference(t *testing.T) {
	img, _, err := Decode(golden(t, "chirp.wsq.hex"))
	if err != nil {
		t.Fatal(err)
	}
	want := golden(t, "chirp.pixels.hex")
	if len(img.Pix) != len(want) {
		t.Fatalf("%d pixels, want %d", len(img.Pix), len(want))
	}
	off := 0
	for i, v := range img.Pix {
		d := int(v) - int(want[i])
		if d < -pixelTolerance || d > pixelTolerance {
			t.Fatalf("pixel %d is %d, want %d", i, v, want[i])
		}
		if d != 0 {
			off++
		}
	}
	t.Logf("%d of %d pixels differ by one", off, len(want))
	if float64(off) > pixelShare*float64(len(want)) {
		t.Errorf("%d of %d pixels differ by one", off, len(want))
	}
}

func TestEncoderQuantisesLikeReference(t *testing.T) {
	for _, rate := range []float64{RateStandard, RateFine} {
		data, err := Encode(chirp(256, 240), Options{BitRate: rate})
		if err != nil {
			t.Fatal(err)
		}
		got := segment(t, data, markDQT)
		want := golden(t, fmt.Sprintf("chirp-%.0f.quantisers.hex", 100*rate))
		if len(got) != len(want) {
			t.Fatalf("table of %d bytes, want %d", len(got), len(want))
		}
		for i := 0; i < 1+2*bandCount; i++ { // the bin centre, then width and dead zone of each band
			g, w := number(got[3*i:]), number(want[3*i:])
			if math.Abs(g-w) > widthTolerance*w {
				t.Errorf("rate %g: number %d is %g, want %g", rate, i, g, w)
			}
		}
	}
}

func number(b []byte) float64 { return scaled{b[0], binary.BigEndian.Uint16(b[1:])}.float() }

// segment returns the body of the first segment of a kind.
func segment(t *testing.T, data []byte, marker int) []byte {
	t.Helper()
	r := &reader{data: data, pos: 2}
	for {
		found := int(binary.BigEndian.Uint16(r.data[r.pos:]))
		r.pos += 2
		body, err := r.segment()
		if err != nil {
			t.Fatal(err)
		}
		if found == marker {
			return body
		}
	}
}
