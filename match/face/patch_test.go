package face_test

import (
	"image"
	"math"
	"testing"

	"github.com/enrold/enrold/match/face"
)

func TestCutAtOwnSizeCopies(t *testing.T) {
	img := colour(50, 40)
	p := face.Cut(img, face.Similarity{A: 1, X: 5, Y: 7}, 20, 10)
	for y := range 10 {
		for x := range 20 {
			c := img.RGBAAt(5+x, 7+y)
			i := y*20 + x
			if p.Pix[i] != float32(c.R) || p.Pix[200+i] != float32(c.G) || p.Pix[400+i] != float32(c.B) {
				t.Fatalf("pixel (%d,%d) is %g %g %g, want %v", x, y, p.Pix[i], p.Pix[200+i], p.Pix[400+i], c)
			}
		}
	}
}

// TestCutShrinksWithoutAliasing: a chessboard of single pixels becomes gray at
// every smaller scale, and nothing of its pattern is left.
func TestCutShrinksWithoutAliasing(t *testing.T) {
	board := image.NewRGBA(image.Rect(0, 0, 400, 400))
	for i := range 400 * 400 {
		v := uint8(255 * ((i%400 + i/400) % 2))
		copy(board.Pix[4*i:], []byte{v, v, v, 255})
	}
	for _, step := range []float64{2, 3, 4, 5.5, 9} {
		p := face.Cut(board, face.Similarity{A: step, X: 20, Y: 20}, 30, 30)
		for i, v := range p.Pix {
			if math.Abs(float64(v)-127.5) > 40 {
				t.Fatalf("step %g: value %d is %g, want about 127.5", step, i, v)
			}
		}
	}
}

func TestCutBeyondTheEdgeIsBlack(t *testing.T) {
	p := face.Cut(colour(40, 40), face.Similarity{A: 1, X: -30, Y: -30}, 20, 20)
	for i, v := range p.Pix {
		if v != 0 {
			t.Fatalf("value %d is %g", i, v)
		}
	}
}

func TestMirroredAndFill(t *testing.T) {
	p := face.Cut(colour(30, 20), face.Similarity{A: 1}, 30, 20)
	m := p.Mirrored()
	if m.Pix[600] != p.Pix[629] || m.Pix[0] != p.Pix[29] {
		t.Error("left and right are not exchanged")
	}
	for i, v := range m.Mirrored().Pix {
		if v != p.Pix[i] {
			t.Fatal("mirrored twice is not the same")
		}
	}
	in := make([]float32, 3*600)
	p.Fill(in, true, 127, 128)
	if in[5] != (p.Pix[1205]-127)/128 || in[605] != (p.Pix[605]-127)/128 || in[1205] != (p.Pix[5]-127)/128 {
		t.Error("planes are not blue, green, red")
	}
	gray := make([]float32, 600)
	p.Luma(gray)
	if want := 0.299*200 + 0.587*5 + 0.114*0; math.Abs(float64(gray[5])-want) > 0.01 {
		t.Errorf("luma %g, want %g", gray[5], want)
	}
}

func TestStretched(t *testing.T) {
	p := face.Stretched(colour(100, 50), image.Rect(10, 10, 90, 40), 8, 6)
	if p.Pix[0] != 200 || p.Pix[47] != 200 {
		t.Errorf("red is %g and %g, want 200", p.Pix[0], p.Pix[47])
	}
	if g0, g7 := p.Pix[48], p.Pix[55]; math.Abs(float64(g0)-14.5) > 3 || math.Abs(float64(g7)-84.5) > 3 {
		t.Errorf("green runs from %g to %g, want 14.5 to 84.5", g0, g7)
	}
	if v := face.Stretched(colour(40, 40), image.Rect(60, 60, 80, 80), 4, 4).Pix[0]; v != 0 {
		t.Errorf("outside is %g", v)
	}
}

func FuzzCut(f *testing.F) {
	f.Add(1.0, 0.0, 3.0, 4.0)
	f.Add(0.01, 7.5, -300.0, 1e7)
	f.Add(40.0, 40.0, 0.0, 0.0)
	img := colour(64, 48)
	f.Fuzz(func(t *testing.T, a, b, x, y float64) {
		if math.IsNaN(a+b+x+y) || math.Hypot(a, b) > 1e4 {
			return // Align never gives such
		}
		for _, v := range face.Cut(img, face.Similarity{A: a, B: b, X: x, Y: y}, 8, 8).Pix {
			if !(v >= 0 && v <= 255.01) {
				t.Fatalf("value %g", v)
			}
		}
	})
}
