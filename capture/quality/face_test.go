package quality_test

import (
	"image"
	"testing"

	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/internal/eid"
)

// face is a 200x200 picture of texture between two gray values: checks of the
// given width, which stand for detail; the wider, the less sharp.
func face(low, high uint8, check int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, 200, 200))
	for y := range 200 {
		for x := range 200 {
			// A ramp from low to high and back, so that wide checks are soft.
			v := (x + y) % (2 * check)
			if v >= check {
				v = 2*check - v
			}
			g.Pix[y*g.Stride+x] = low + uint8(int(high-low)*v/check)
		}
	}
	return g
}

func TestFaceMeasures(t *testing.T) {
	middle := image.Rect(50, 50, 150, 150)
	for _, c := range []struct {
		name     string
		img      *image.Gray
		box      image.Rectangle
		scale    float64
		measure  string
		low, top int
	}{
		{"sharp", face(60, 200, 4), middle, 2, quality.Sharpness, 80, 100},
		{"soft", face(60, 200, 80), middle, 2, quality.Sharpness, 0, 17},
		{"flat", face(90, 90, 8), middle, 2, quality.Sharpness, 0, 0},
		{"flat", face(90, 90, 8), middle, 2, quality.DynamicRange, 0, 0},
		{"wide range", face(60, 200, 8), middle, 2, quality.DynamicRange, 90, 100},
		{"well lit", face(60, 200, 8), middle, 2, quality.UnderExposure, 100, 100},
		{"well lit", face(60, 200, 8), middle, 2, quality.OverExposure, 100, 100},
		{"dark", face(0, 30, 8), middle, 2, quality.UnderExposure, 0, 20},
		{"dark", face(0, 30, 8), middle, 2, quality.OverExposure, 100, 100},
		{"bright", face(230, 255, 8), middle, 2, quality.OverExposure, 0, 20},
		{"90 pixels between the eyes", face(60, 200, 8), middle, 90 / 42.0, quality.HeadSize, 50, 50},
		{"240 pixels between the eyes", face(60, 200, 8), middle, 240 / 42.0, quality.HeadSize, 100, 100},
		{"far away", face(60, 200, 8), middle, 1, quality.HeadSize, 20, 25},
		{"in the middle", face(60, 200, 8), middle, 2, quality.HeadPosition, 100, 100},
		{"aside", face(60, 200, 8), image.Rect(100, 50, 200, 150), 2, quality.HeadPosition, 50, 50},
	} {
		v := quality.Value(quality.Face(c.img, c.box, c.scale), c.measure)
		if v < c.low || v > c.top {
			t.Errorf("%s: %s %d, want %d to %d", c.name, c.measure, v, c.low, c.top)
		}
	}
}

func TestFaceBounds(t *testing.T) {
	g := face(60, 200, 8)
	for _, box := range []image.Rectangle{{}, image.Rect(300, 300, 400, 400), image.Rect(199, 0, 250, 100), image.Rect(0, 0, 2, 2)} {
		if m := quality.Face(g, box, 1); m != nil {
			t.Errorf("box %v: %v", box, m)
		}
	}
	if m := quality.Face(g, image.Rect(-50, -50, 500, 500), 1); len(m) != 6 {
		t.Errorf("box over the edges: %v", m)
	}
}

func TestOverall(t *testing.T) {
	m := func(v ...int) (out []eid.Measure) {
		for _, x := range v {
			out = append(out, eid.Measure{Value: x})
		}
		return out
	}
	for _, c := range []struct {
		measures []eid.Measure
		want     int
	}{{nil, 0}, {m(100, 100), 100}, {m(100, 0), 0}, {m(100, 25), 50}, {m(80), 80}} {
		if got := quality.Overall(c.measures); got != c.want {
			t.Errorf("%v: %d, want %d", c.measures, got, c.want)
		}
	}
}
