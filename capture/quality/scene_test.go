package quality_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/match/face"
)

// drawn is a picture of 480x640 with a drawn face: skin, eyes, brows, mouth, a
// plain wall. A point of it is given in eye distances of 120 pixels from the
// middle between the eyes, which lies at (240, 288): a token image.
func drawn(change func(x, y float64, c color.RGBA) color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 480, 640))
	for py := range 640 {
		for px := range 480 {
			x, y := (float64(px)+0.5-240)/120, (float64(py)+0.5-288)/120
			c := paint(x, y)
			if change != nil {
				c = change(x, y, c)
			}
			img.SetRGBA(px, py, c)
		}
	}
	return img
}

var (
	wall  = color.RGBA{200, 203, 206, 255}
	tone  = color.RGBA{196, 150, 122, 255}
	hair  = color.RGBA{40, 34, 30, 255}
	cloth = color.RGBA{60, 80, 140, 255}
)

func inside(x, y, cx, cy, rx, ry float64) bool {
	dx, dy := (x-cx)/rx, (y-cy)/ry
	return dx*dx+dy*dy < 1
}

func paint(x, y float64) color.RGBA {
	ax := math.Abs(x)
	switch {
	case inside(ax, y, 0.5, 0, 0.07, 0.06):
		return color.RGBA{30, 25, 22, 255}
	case inside(ax, y, 0.5, 0, 0.2, 0.07):
		return color.RGBA{230, 230, 228, 255}
	case inside(ax, y, 0.5, -0.25, 0.28, 0.05):
		return hair
	case inside(x, y, 0, 1.16, 0.4, 0.06):
		return color.RGBA{165, 90, 85, 255}
	case inside(x, y, 0, 0.45, 1.0, 1.4):
		// Skin has some grain, or there would be nothing to be sharp.
		g := int(12 * math.Sin(40*x) * math.Cos(37*y))
		return color.RGBA{uint8(int(tone.R) + g), uint8(int(tone.G) + g), uint8(int(tone.B) + g), 255}
	case inside(x, y, 0, 0.1, 1.15, 1.5):
		return hair
	case y > 2.0 && inside(x, y, 0, 3.2, 1.9, 1.3):
		return cloth
	}
	return wall
}

var straight = face.Points{{X: 180, Y: 288}, {X: 300, Y: 288}, {X: 240, Y: 361}, {X: 190.4, Y: 426.7}, {X: 289.7, Y: 426.2}}

func scene(img *image.RGBA) quality.Scene {
	return quality.Scene{
		Image: img, Bounds: img.Rect, Marks: marks(0.3, 0),
		Face: face.Found{Box: image.Rect(130, 200, 350, 500), Score: 0.9, Points: straight},
	}
}

// marks are 68 points with eyes open by eyes (of their width) and the mouth by
// mouth (of its width).
func marks(eyes, mouth float64) []face.Point {
	m := make([]face.Point, face.Marks)
	eye := func(at int, x float64) {
		w := 48.0
		h := eyes * w / 2
		for i, p := range [6]face.Point{{X: -w / 2}, {X: -w / 6, Y: -h}, {X: w / 6, Y: -h}, {X: w / 2}, {X: w / 6, Y: h}, {X: -w / 6, Y: h}} {
			m[at+i] = face.Point{X: x + p.X, Y: 288 + p.Y}
		}
	}
	eye(36, 180)
	eye(42, 300)
	m[48], m[54] = face.Point{X: 190, Y: 427}, face.Point{X: 290, Y: 427}
	m[62], m[66] = face.Point{X: 240, Y: 427 - 50*mouth}, face.Point{X: 240, Y: 427 + 50*mouth}
	return m
}

func value(t *testing.T, r quality.Report, name string) int {
	t.Helper()
	x, ok := r.Get(name)
	if !ok {
		t.Fatalf("%s is not measured", name)
	}
	return x.Value
}

func TestGoodPortraitPasses(t *testing.T) {
	r := quality.Measure(scene(drawn(nil)))
	profiles, err := quality.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if faults := p.Faults(r); len(faults) > 0 {
			t.Errorf("%s: %v in %v", p.ID, faults[0].Name, r)
		}
	}
	if wishes := profiles[0].Wishes(r); len(wishes) > 0 {
		t.Errorf("%s could be better in %v", wishes[0].Name, r)
	}
	if len(r) != len(quality.All()) || r.Unified() < 85 {
		t.Errorf("%d measures of %d, unified %d", len(r), len(quality.All()), r.Unified())
	}
}

// TestEachFaultIsNamed: one thing is wrong with the picture, and the standard
// profile names it; the value falls against the good picture's.
func TestEachFaultIsNamed(t *testing.T) {
	profiles, err := quality.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	good := quality.Measure(scene(drawn(nil)))
	times := func(f float64) func(x, y float64, c color.RGBA) color.RGBA {
		return func(_, _ float64, c color.RGBA) color.RGBA {
			m := func(v uint8) uint8 { return uint8(math.Min(255, f*float64(v))) }
			return color.RGBA{m(c.R), m(c.G), m(c.B), 255}
		}
	}
	paintIn := func(in func(x, y float64) bool, with color.RGBA) func(x, y float64, c color.RGBA) color.RGBA {
		return func(x, y float64, c color.RGBA) color.RGBA {
			if in(x, y) {
				return with
			}
			return c
		}
	}
	for _, c := range []struct {
		name   string
		wish   string // named by the profile's wishes
		change func(*quality.Scene)
	}{
		{"dark", quality.LuminanceMean, func(s *quality.Scene) { s.Image = drawn(times(0.25)) }},
		{"very dark", quality.UnderExposure, func(s *quality.Scene) { s.Image = drawn(times(0.12)) }},
		{"burnt out", quality.OverExposure, func(s *quality.Scene) { s.Image = drawn(times(1.9)) }},
		{"lit from one side", quality.Illumination, func(s *quality.Scene) {
			s.Image = drawn(func(x, _ float64, c color.RGBA) color.RGBA { return times(1-0.75/(1+math.Exp(-8*x)))(0, 0, c) })
		}},
		{"blurred", quality.Sharpness, func(s *quality.Scene) { s.Image = blurred(blurred(s.Image)) }},
		{"turned", quality.Yaw, func(s *quality.Scene) { s.Face.Points[face.Nose].X += 22 }},
		{"chin down", quality.Pitch, func(s *quality.Scene) { s.Face.Points[face.Nose].Y += 30 }},
		{"mask", quality.MouthCovered, func(s *quality.Scene) {
			s.Image = drawn(paintIn(func(x, y float64) bool { return y > 0.4 && inside(x, y, 0, 0.45, 1, 1.4) }, color.RGBA{120, 170, 205, 255}))
		}},
		{"hand before the forehead", quality.FaceCovered, func(s *quality.Scene) {
			s.Image = drawn(paintIn(func(x, y float64) bool { return y < 0.6 && y > -1.3 }, color.RGBA{30, 90, 40, 255}))
		}},
		{"sunglasses", quality.EyesVisible, func(s *quality.Scene) {
			s.Image = drawn(paintIn(func(x, y float64) bool { return inside(math.Abs(x), y, 0.5, 0, 0.4, 0.3) }, color.RGBA{12, 12, 14, 255}))
		}},
		{"glare on glasses", quality.EyesVisible, func(s *quality.Scene) {
			s.Image = drawn(paintIn(func(x, y float64) bool { return inside(math.Abs(x), y, 0.5, 0, 0.16, 0.16) }, color.RGBA{255, 255, 255, 255}))
		}},
		{"eyes shut", quality.EyesOpen, func(s *quality.Scene) { s.Marks = marks(0.08, 0) }},
		{"mouth open", quality.MouthClosed, func(s *quality.Scene) { s.Marks = marks(0.3, 0.4) }},
		{"a second person", quality.SingleFace, func(s *quality.Scene) { s.Others = []face.Found{{Box: image.Rect(0, 0, 180, 250)}} }},
		{"edge at the left", quality.LeftMargin, func(s *quality.Scene) { s.Bounds.Min.X = 120 }},
		{"edge at the right", quality.RightMargin, func(s *quality.Scene) { s.Bounds.Max.X = 360 }},
		{"edge above", quality.AboveMargin, func(s *quality.Scene) { s.Bounds.Min.Y = 150 }},
		{"edge below", quality.BelowMargin, func(s *quality.Scene) { s.Bounds.Max.Y = 450 }},
		{"far away", quality.HeadSize, func(s *quality.Scene) { s.Bounds = image.Rect(-900, -900, 1400, 1500) }},
		{"blocks", quality.Compression, func(s *quality.Scene) {
			s.Image = blocks(s.Image)
		}},
	} {
		s := scene(drawn(nil))
		c.change(&s)
		r := quality.Measure(s)
		named := false
		for _, w := range profiles[0].Wishes(r) {
			named = named || w.Name == c.wish
		}
		before, _ := good.Get(c.wish)
		if got := value(t, r, c.wish); !named || got >= before.Value {
			t.Errorf("%s: %s is %d (before %d), named %v", c.name, c.wish, got, before.Value, named)
		}
	}
	s := scene(drawn(func(x, y float64, c color.RGBA) color.RGBA {
		if c == wall && int(20*x)%2 == 0 {
			return color.RGBA{90, 60, 40, 255}
		}
		return c
	}))
	if got := value(t, quality.Measure(s), quality.Background); got > 40 {
		t.Errorf("a striped wall: background %d", got)
	}
}

func blurred(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(img.Rect)
	const half = 4
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			var r, g, b, n int
			for dy := -half; dy <= half; dy++ {
				for dx := -half; dx <= half; dx++ {
					if p := image.Pt(x+dx, y+dy); p.In(img.Rect) {
						c := img.RGBAAt(p.X, p.Y)
						r, g, b, n = r+int(c.R), g+int(c.G), b+int(c.B), n+1
					}
				}
			}
			out.SetRGBA(x, y, color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 255})
		}
	}
	return out
}

// blocks takes one colour for each 8x8 pixels, as the hardest compression does.
func blocks(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(img.Rect)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			out.SetRGBA(x, y, img.RGBAAt(x&^7+4, y&^7+4))
		}
	}
	return out
}

// TestPlaceAndTurnDoNotMatter: the same face elsewhere, larger and tilted is
// measured alike.
func TestPlaceAndTurnDoNotMatter(t *testing.T) {
	one := scene(drawn(nil))
	want := quality.Measure(one)
	const angle, scale, ox, oy = 0.1, 1.3, 400.0, 250.0
	move := func(p face.Point) face.Point {
		x, y := scale*(p.X-240), scale*(p.Y-288)
		return face.Point{X: 240*scale + ox + x*math.Cos(angle) - y*math.Sin(angle), Y: 288*scale + oy + x*math.Sin(angle) + y*math.Cos(angle)}
	}
	img := image.NewRGBA(image.Rect(0, 0, 1400, 1300))
	for y := range 1300 {
		for x := range 1400 {
			dx, dy := float64(x)+0.5-240*scale-ox, float64(y)+0.5-288*scale-oy
			ux, uy := (dx*math.Cos(angle)+dy*math.Sin(angle))/scale+240, (-dx*math.Sin(angle)+dy*math.Cos(angle))/scale+288
			px, py := max(0, min(479, int(ux))), max(0, min(639, int(uy)))
			img.SetRGBA(x, y, one.Image.RGBAAt(px, py))
		}
	}
	two := quality.Scene{Image: img, Bounds: img.Rect, Face: one.Face}
	for i, p := range one.Face.Points {
		two.Face.Points[i] = move(p)
	}
	two.Face.Box = image.Rect(600, 350, 900, 850)
	got := quality.Measure(two)
	for _, name := range []string{
		quality.LuminanceMean, quality.UnderExposure, quality.OverExposure, quality.DynamicRange, quality.Illumination,
		quality.EyesVisible, quality.MouthCovered, quality.FaceCovered, quality.Yaw, quality.Pitch,
	} {
		if a, b := value(t, want, name), value(t, got, name); max(a-b, b-a) > 6 {
			t.Errorf("%s: %d upright, %d tilted", name, a, b)
		}
	}
	if roll, _ := got.Get(quality.Roll); math.Abs(roll.Native-degrees(angle)) > 0.1 {
		t.Errorf("roll %g, want %g", roll.Native, degrees(angle))
	}
}

func degrees(rad float64) float64 { return rad * 180 / math.Pi }

func TestNothingToMeasure(t *testing.T) {
	good := scene(drawn(nil))
	for name, change := range map[string]func(*quality.Scene){
		"no image":      func(s *quality.Scene) { s.Image = nil },
		"no picture":    func(s *quality.Scene) { s.Bounds = image.Rectangle{} },
		"points on one": func(s *quality.Scene) { s.Face.Points = face.Points{} },
		"not a number":  func(s *quality.Scene) { s.Face.Points[0].X = math.NaN() },
		"infinite":      func(s *quality.Scene) { s.Face.Points[1].X = math.Inf(1) },
		"far outside": func(s *quality.Scene) {
			for i := range s.Face.Points {
				s.Face.Points[i].X += 1e5
			}
		},
		"larger than life": func(s *quality.Scene) { s.Face.Points[1].X += 1e4 },
	} {
		s := good
		change(&s)
		if r := quality.Measure(s); len(r) > 0 {
			t.Errorf("%s: %v", name, r)
		}
		if u := quality.Measure(s).Unified(); u != 0 {
			t.Errorf("%s: unified %d", name, u)
		}
	}
}

// FuzzMeasure: no points and boxes that a detector could give make it panic.
func FuzzMeasure(f *testing.F) {
	img := drawn(nil)
	f.Add(180.0, 288.0, 300.0, 288.0, 130, 200, 350, 500)
	f.Add(-10.0, 0.0, 40.0, 900.0, -5, -5, 9000, 2)
	f.Fuzz(func(t *testing.T, rx, ry, lx, ly float64, x0, y0, x1, y1 int) {
		s := scene(img)
		s.Face.Points[face.RightEye], s.Face.Points[face.LeftEye] = face.Point{X: rx, Y: ry}, face.Point{X: lx, Y: ly}
		s.Face.Box = image.Rect(x0, y0, x1, y1)
		s.Marks[3], s.Marks[36] = face.Point{X: rx, Y: ry}, face.Point{X: lx, Y: ly}
		for _, x := range quality.Measure(s) {
			if x.Value < 0 || x.Value > 100 || math.IsNaN(x.Native) || math.IsInf(x.Native, 0) {
				t.Errorf("%+v", x)
			}
		}
	})
}
