package finger

import (
	"bytes"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
	match "github.com/enrold/enrold/match/finger"
)

// A dirty or empty glass is asked about at once, with the extractor's reason,
// and an image that breaks its own description is the scanner's fault.
func TestGrade(t *testing.T) {
	blank := eid.FingerSample{Width: 256, Height: 288, DPI: 500, Pixels: bytes.Repeat([]byte{255}, 256*288)}
	e := newEngine()
	err := e.grade(&blank)
	if eid.CodeOf(err) != eid.CodeQualityFinger || !strings.Contains(err.Error(), "no_finger") {
		t.Errorf("blank image: %v, want %s with no_finger", err, eid.CodeQualityFinger)
	}
	blank.Width = 255
	if err := e.grade(&blank); eid.CodeOf(err) != eid.CodeScanner {
		t.Errorf("pixels that do not fit: %v, want %s", err, eid.CodeScanner)
	}
}

// counter counts the extractions.
type counter struct {
	extractor match.Extractor
	images    int
}

func (c *counter) Extract(img match.Image) (*match.Template, match.Quality, error) {
	c.images++
	return c.extractor.Extract(img)
}

// visitFingers is the finger step of a visit: two impressions of each of two
// fingers, compared as the station does. It returns the decisions.
func visitFingers(t testing.TB, e *engine, samples []eid.FingerSample) []eid.FingerDecision {
	t.Helper()
	for i := range samples {
		if err := e.grade(&samples[i]); err != nil {
			t.Fatal(err)
		}
	}
	var out []eid.FingerDecision
	for _, pair := range [][2]int{{0, 1}, {2, 3}, {0, 2}, {0, 3}} {
		d, err := e.compare(samples[pair[0]], samples[pair[1]])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func impressions() []eid.FingerSample {
	var out []eid.FingerSample
	for finger := range 2 {
		grown := ridge.Grow(uint64(990 + finger))
		for n := range 2 {
			img := grown.Impression(n, ridge.WindowZFM)
			out = append(out, eid.FingerSample{Position: eid.RightIndex + eid.FingerPosition(5*finger), Pixels: img.Pixels, Width: img.Width, Height: img.Height, DPI: img.DPI})
		}
	}
	return out
}

// Each impression is extracted once, and decisions are those of the images.
func TestEachImpressionIsExtractedOnce(t *testing.T) {
	count := &counter{}
	e := &engine{extractor: count}
	samples := impressions()
	got := visitFingers(t, e, samples)
	if count.images != len(samples) {
		t.Errorf("%d extractions of %d impressions", count.images, len(samples))
	}
	for i, pass := range []bool{true, true, false, false} {
		if got[i].Pass != pass || got[i].Quality == 0 {
			t.Errorf("comparison %d: %+v, want pass %v", i, got[i], pass)
		}
	}
	// A journal of before, or another engine's template: the image is there.
	bare := samples[1]
	for _, other := range []eid.Blob{nil, eid.Blob("EFT9 of a later engine")} {
		bare.Template = other
		again, err := e.compare(samples[0], bare)
		if err != nil || again != got[0] {
			t.Errorf("without the template: %+v, %v, want %+v", again, err, got[0])
		}
	}
	t.Logf("templates of %d bytes beside %d pixels", len(samples[0].Template), len(samples[0].Pixels))
}

func BenchmarkVisit(b *testing.B) {
	samples := impressions()
	e := newEngine()
	for b.Loop() {
		visitFingers(b, e, samples)
	}
}
