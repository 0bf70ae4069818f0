package wsq

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The tolerances of IAFIS-IC-0110 annex AA, as NIST's certification applies
// them: a decoder's pixels may differ by one grey level from the reference's, in
// at most 0.1 % of them; an encoder's bin widths by 0.051 %, its bin indices by
// one, in at most 0.01 % of them. The size of the file, within 0.4 %, is not
// tested: it would take a reference file of the certification's own images.
const (
	pixelTolerance = 1
	pixelShare     = 0.001
	widthTolerance = 0.00051
	indexTolerance = 1
	indexShare     = 0.0001
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

// TestEncoderIndicesAreThoseOfDoublePrecision holds the indices in a file to
// the specification's formulas, computed in double precision as the reference
// implementation of the certification is.
func TestEncoderIndicesAreThoseOfDoublePrecision(t *testing.T) {
	for _, rate := range []float64{RateStandard, RateFine} {
		const width, height = 256, 240
		img := chirp(width, height)
		data, err := Encode(img, Options{BitRate: rate})
		if err != nil {
			t.Fatal(err)
		}
		file := &reader{data: data}
		if err := file.read(); err != nil {
			t.Fatal(err)
		}
		table := segment(t, data, markDQT)
		plane, p := exactCoefficients(img), newPlan(width, height)
		at, off, coded := 0, 0, 0
		for i, band := range p.bands {
			q, z := number(table[3+6*i:]), number(table[6+6*i:])
			if q == 0 {
				continue
			}
			for y := band.y; y < band.y+band.h; y++ {
				for x := band.x; x < band.x+band.w; x++ {
					want := exactIndex(plane[y*width+x], q, z)
					d := int(file.indices[at]) - want
					at++
					if want != 0 {
						coded++
					}
					if d < -indexTolerance || d > indexTolerance {
						t.Fatalf("rate %g, band %d: index %d, want %d", rate, i, want+d, want)
					}
					if d != 0 {
						off++
					}
				}
			}
		}
		t.Logf("rate %g: %d of %d indices differ by one; %d are not 0", rate, off, at, coded)
		if at != len(file.indices) || coded == 0 || float64(off) > indexShare*float64(at) {
			t.Errorf("rate %g: %d of %d indices differ by one, %d in the file", rate, off, at, len(file.indices))
		}
	}
}

// exactIndex is the quantiser's index of a coefficient.
func exactIndex(a, q, z float64) int {
	switch {
	case a > z/2:
		return int(math.Floor((a-z/2)/q)) + 1
	case a < -z/2:
		return int(math.Ceil((a+z/2)/q)) - 1
	}
	return 0
}

// exactCoefficients normalises and decomposes img in double precision.
func exactCoefficients(img *image.Gray) []float64 {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	sum, low, high := 0.0, 255.0, 0.0
	plane := make([]float64, len(img.Pix))
	for i, v := range img.Pix {
		plane[i] = float64(v)
		sum, low, high = sum+plane[i], min(low, plane[i]), max(high, plane[i])
	}
	mean := sum / float64(len(plane))
	for i := range plane {
		plane[i] = (plane[i] - mean) / (max(mean-low, high-mean) / 128)
	}
	for _, r := range newPlan(width, height).splits {
		for y := r.y; y < r.y+r.h; y++ {
			exactAnalysis(plane[y*width+r.x:], 1, r.w, r.mirroredX)
		}
		for x := r.x; x < r.x+r.w; x++ {
			exactAnalysis(plane[r.y*width+x:], width, r.h, r.mirroredY)
		}
	}
	return plane
}

// exactAnalysis: the low channel has the even samples' results, the high one the
// odd ones', of the signal that is mirrored at its first and last sample.
func exactAnalysis(at []float64, stride, n int, mirrored bool) {
	f := standard()
	in := make([]float64, n)
	for i := range in {
		in[i] = at[i*stride]
	}
	sample := func(i int) float64 {
		for i < 0 || i >= n {
			if i < 0 {
				i = -i
			} else {
				i = 2*(n-1) - i
			}
		}
		return in[i]
	}
	result := func(taps []float64, centre int) float64 {
		v := taps[0] * sample(centre)
		for k := 1; k < len(taps); k++ {
			v += taps[k] * (sample(centre-k) + sample(centre+k))
		}
		return v
	}
	var low, high []float64
	for i := 0; i < n; i += 2 {
		low = append(low, result(f.low, i))
		if i+1 < n {
			high = append(high, result(f.high, i+1))
		}
	}
	both := slices.Concat(low, high)
	if mirrored {
		both = slices.Concat(high, low)
	}
	for i, v := range both {
		at[i*stride] = v
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
