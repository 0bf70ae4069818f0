package onnx

import (
	"image"
	"math"
	"testing"

	"github.com/enrold/enrold/match/face"
)

// yunetOutputs are empty answers of the network for an input of 64x64.
func yunetOutputs() [][]float32 {
	var out [][]float32
	for _, each := range []int{1, 1, 4, 10} {
		for _, stride := range yunetStrides {
			out = append(out, make([]float32, each*(64/stride)*(64/stride)))
		}
	}
	return out
}

func TestDecodeYuNet(t *testing.T) {
	out := yunetOutputs()
	const cell = 2*4 + 1 // of stride 16: column 1, row 2
	out[1][cell], out[4][cell] = 0.9, 0.81
	copy(out[7][4*cell:], []float32{0.5, 0.25, float32(math.Log(2)), float32(math.Log(3))})
	for p := range 5 {
		out[10][10*cell+2*p], out[10][10*cell+2*p+1] = float32(p), -float32(p)
	}
	out[0][0] = 1 // a class without an object is no face
	found, err := decodeYuNet(out, 64, 64)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d faces, %v", len(found), err)
	}
	f := found[0]
	if math.Abs(f.Score-math.Sqrt(0.9*0.81)) > 1e-6 || f.Box != image.Rect(8, 12, 40, 60) {
		t.Errorf("score %g, box %v", f.Score, f.Box)
	}
	if f.Points[face.Nose] != (face.Point{X: (1 + 2) * 16, Y: 0}) {
		t.Errorf("nose at %v", f.Points[face.Nose])
	}
	out[3] = out[3][1:]
	if _, err := decodeYuNet(out, 64, 64); err == nil {
		t.Error("a short output is taken")
	}
}

func TestDecodeBoxes(t *testing.T) {
	out := [][]float32{{0.1, 0.9, 0.95, 0.05}, {0.25, 0.25, 0.5, 0.75, 0, 0, 1, 1}}
	found, err := decodeBoxes(out, 320, 240)
	if err != nil || len(found) != 1 || found[0].Box != image.Rect(60, 60, 180, 180) {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := decodeBoxes([][]float32{{0, 1}, {0}}, 320, 240); err == nil {
		t.Error("a short output is taken")
	}
}

func TestFinishKeepsEachFaceOnce(t *testing.T) {
	found := []face.Found{
		{Box: image.Rect(10, 10, 50, 50), Score: 0.7},
		{Box: image.Rect(12, 11, 52, 51), Score: 0.9},
		{Box: image.Rect(60, 60, 160, 160), Score: 0.8},
		{Box: image.Rect(500, 500, 520, 520), Score: 0.9}, // off the frame
		{Box: image.Rect(5, 5, 5, 9), Score: 0.99},        // empty
	}
	out := finish(found, face.Similarity{A: 2}, image.Rect(0, 0, 400, 400))
	if len(out) != 2 || out[0].Box != image.Rect(120, 120, 320, 320) || out[1].Box != image.Rect(24, 22, 104, 102) {
		t.Errorf("%v", out)
	}
}

func TestSurroundings(t *testing.T) {
	frame := image.Rect(0, 0, 200, 100)
	for _, c := range []struct {
		box    image.Rectangle
		factor float64
		want   image.Rectangle
	}{
		{image.Rect(90, 40, 110, 60), 2, image.Rect(80, 30, 121, 71)},
		{image.Rect(0, 0, 20, 20), 2, image.Rect(0, 0, 41, 41)},          // moved inside
		{image.Rect(50, 0, 150, 99), 4, image.Rect(50, 0, 151, 100)},     // no room to grow
		{image.Rect(170, 70, 190, 90), 2, image.Rect(159, 59, 200, 100)}, // moved inside at the other end
		{image.Rectangle{}, 2, image.Rectangle{}},
	} {
		if got := surroundings(frame, c.box, c.factor); got != c.want {
			t.Errorf("%v by %g: %v, want %v", c.box, c.factor, got, c.want)
		}
	}
}

func TestSoftmax(t *testing.T) {
	if p, err := softmax([]float32{0, float32(math.Log(3)), 0}, 1); err != nil || math.Abs(p-0.6) > 1e-6 {
		t.Errorf("%g, %v", p, err)
	}
	for _, v := range [][]float32{{1}, {float32(math.NaN()), 1, 1}, nil} {
		if p, err := softmax(v, 1); err == nil {
			t.Errorf("%v: %g", v, p)
		}
	}
}

func FuzzDecodeYuNet(f *testing.F) {
	f.Add(float32(0.9), float32(1), float32(3), uint8(7))
	f.Add(float32(math.Inf(1)), float32(math.NaN()), float32(1e30), uint8(40))
	f.Fuzz(func(t *testing.T, score, place, size float32, at uint8) {
		out := yunetOutputs()
		for i := range out {
			o := out[i]
			v := [4]float32{score, score, place, place}[i/3]
			for k := range o {
				if k%3 == 0 || k == int(at) {
					o[k] = v
				}
				if i/3 == 2 && k%4 >= 2 {
					o[k] = size
				}
			}
		}
		found, err := decodeYuNet(out, 64, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range finish(found, face.Similarity{A: 1}, image.Rect(0, 0, 64, 64)) {
			if g.Box.Empty() || !(g.Score >= leastScore && g.Score <= 1) {
				t.Errorf("%v of score %g", g.Box, g.Score)
			}
		}
	})
}
