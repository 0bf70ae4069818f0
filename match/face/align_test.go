package face_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/enrold/enrold/match/face"
)

func near(a, b face.Point, by float64) bool { return math.Hypot(a.X-b.X, a.Y-b.Y) <= by }

var five = face.Points{{X: 40, Y: 50}, {X: 70, Y: 48}, {X: 56, Y: 68}, {X: 44, Y: 85}, {X: 68, Y: 84}}

func TestFitFindsTheSimilarity(t *testing.T) {
	for _, want := range []face.Similarity{
		{A: 1}, {A: 0.5, X: 3, Y: -4}, {B: 2, X: 100}, {A: -0.3, B: 0.4, X: -7, Y: 9},
	} {
		var to []face.Point
		for _, p := range five {
			to = append(to, want.Apply(p))
		}
		got, ok := face.Fit(five[:], to)
		if !ok || math.Abs(got.A-want.A)+math.Abs(got.B-want.B) > 1e-9 || math.Hypot(got.X-want.X, got.Y-want.Y) > 1e-6 {
			t.Errorf("%+v, %v, want %+v", got, ok, want)
		}
		if back := got.Inverse().Apply(got.Apply(five[3])); !near(back, five[3], 1e-6) {
			t.Errorf("inverse of %+v takes %v to %v", got, five[3], back)
		}
	}
}

// TestFitIsTheLeastSquares: moving the answer a little in any direction makes
// the sum of squares larger.
func TestFitIsTheLeastSquares(t *testing.T) {
	to := []face.Point{{X: 1, Y: 2}, {X: 30, Y: -3}, {X: 12, Y: 25}, {X: 0, Y: 41}, {X: 33, Y: 37}}
	best, ok := face.Fit(five[:], to)
	if !ok {
		t.Fatal("no fit")
	}
	cost := func(s face.Similarity) (sum float64) {
		for i, p := range five {
			q := s.Apply(p)
			sum += (q.X-to[i].X)*(q.X-to[i].X) + (q.Y-to[i].Y)*(q.Y-to[i].Y)
		}
		return sum
	}
	for _, d := range []face.Similarity{{A: 1e-3}, {B: 1e-3}, {X: 1e-2}, {Y: 1e-2}, {A: -1e-3}, {B: -1e-3}, {X: -1e-2}, {Y: -1e-2}} {
		moved := face.Similarity{A: best.A + d.A, B: best.B + d.B, X: best.X + d.X, Y: best.Y + d.Y}
		if cost(moved) <= cost(best) {
			t.Errorf("%+v costs %g, the fit %g", moved, cost(moved), cost(best))
		}
	}
}

func TestFitRefusesWhatIsNoFace(t *testing.T) {
	same := make([]face.Point, 5)
	for name, points := range map[string][]face.Point{"one place": same, "none": nil, "fewer": five[:3], "endless": {{X: math.Inf(1)}, {}, {}, {}, {}}, "nothing": {{X: math.NaN()}, {}, {}, {}, {}}} {
		if s, ok := face.Fit(points, five[:]); ok {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestAlignPutsPointsInPlace: marks painted at the five points come out at the
// layout's places, however the face is turned and scaled.
func TestAlignPutsPointsInPlace(t *testing.T) {
	for _, name := range []string{"arcface112", "reid128"} {
		layout, err := face.LayoutNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []face.Similarity{{A: 1, X: 60, Y: 60}, {A: 3.2, B: 0.8, X: 120, Y: 100}, {A: 5, B: -2, X: 100, Y: 250}} {
			img := image.NewRGBA(image.Rect(0, 0, 900, 900))
			var at face.Points
			for i, p := range layout {
				at[i] = s.Apply(face.Point{X: 112 * p.X, Y: 112 * p.Y})
				r := int(4 * s.Scale())
				for y := -r; y <= r; y++ {
					for x := -r; x <= r; x++ {
						img.Set(int(at[i].X)+x, int(at[i].Y)+y, color.White)
					}
				}
			}
			patch, ok := layout.Align(img, at, 112, 112)
			if !ok {
				t.Fatalf("%s: no alignment", name)
			}
			for i, p := range layout {
				x, y := int(112*p.X), int(112*p.Y)
				if v := patch.Pix[y*112+x]; v < 200 {
					t.Errorf("%s at scale %.1f: point %d is %g", name, s.Scale(), i, v)
				}
			}
			if v := patch.Pix[2*112+2]; v > 10 {
				t.Errorf("%s: corner is %g", name, v)
			}
		}
	}
	if _, err := face.LayoutNamed("other"); err == nil {
		t.Error("an unknown layout is found")
	}
}

func TestFivePoints(t *testing.T) {
	marks := make([]face.Point, face.Marks)
	for i := range marks {
		marks[i] = face.Point{X: float64(i), Y: float64(2 * i)}
	}
	p, err := face.FivePoints(marks)
	if err != nil || p != (face.Points{{X: 39, Y: 78}, {X: 45, Y: 90}, {X: 30, Y: 60}, {X: 54, Y: 108}, {X: 59, Y: 118}}) {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := face.FivePoints(marks[:67]); err == nil {
		t.Error("67 landmarks are taken")
	}
}
