package camera

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/capture/pad"
	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/hw/video"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	portraits "github.com/enrold/enrold/match/face/portrait"
)

// film is a camera that plays frames, each as often as it is asked for newer
// ones, the last for ever; the sensor's noise is its first byte.
type film struct {
	frames []*image.RGBA
	frozen bool
	begin  time.Time // of a film whose frames are 40 ms apart whatever the clock says; zero for the clock
	t      *testing.T

	mu sync.Mutex
	at int
}

func (f *film) Next(ctx context.Context, after uint64) (*video.Frame, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(20 * time.Millisecond):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at++
	taken := time.Now()
	if !f.begin.IsZero() {
		taken = f.begin.Add(time.Duration(f.at) * 40 * time.Millisecond)
	}
	frame := frameOf(f.t, f.frames[min(f.at, len(f.frames))-1], uint64(f.at), taken)
	if f.frozen {
		frame = frameOf(f.t, f.frames[0], 0, time.Now())
		frame.Seq = uint64(f.at)
	}
	return frame, nil
}

// showing is a picture with photographs at these places.
func showing(t *testing.T, at ...place) *image.RGBA {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 1280, 720))
	for i := range img.Pix {
		img.Pix[i] = 190
	}
	for _, p := range at {
		put(t, img, p)
	}
	return img
}

// TestGuidance runs the real detector over photographs in a frame.
func TestGuidance(t *testing.T) {
	s := sight(t, models(t))
	p := paths(t)
	for _, c := range []struct {
		name string
		want []Guidance
		img  *image.RGBA
	}{
		{"nobody", []Guidance{NoFace}, showing(t)},
		{"good", []Guidance{OK}, showing(t, place{p[11], 640, 330, 300})},
		{"two people", []Guidance{ManyFaces}, showing(t, place{p[11], 400, 330, 300}, place{p[1], 900, 330, 260})},
		{"a picture on the wall", []Guidance{OK}, showing(t, place{p[11], 640, 330, 300}, place{p[1], 1100, 120, 90})},
		{"far", []Guidance{Closer}, showing(t, place{p[11], 640, 330, 130})},
		{"near", []Guidance{Farther}, showing(t, place{p[11], 640, 360, 620})},
		{"left", []Guidance{Centre}, showing(t, place{p[11], 170, 330, 300})},
		{"low", []Guidance{Centre}, showing(t, place{p[11], 640, 590, 300})},
		{"dark", []Guidance{"light"}, dimmed(showing(t, place{p[11], 640, 330, 300}), 0.1)},
	} {
		cam, err := New(&film{frames: []*image.RGBA{c.img}, t: t}, s, Device{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		o, err := cam.Observe(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if o.Guidance != c.want[0] {
			t.Errorf("%s: %s, want %s: %v", c.name, o.Guidance, c.want, o.Report)
		}
		if (o.Guidance == NoFace) != (o.Track == 0) {
			t.Errorf("%s: face number %d", c.name, o.Track)
		}
	}
}

func dimmed(img *image.RGBA, by float64) *image.RGBA {
	for i, v := range img.Pix {
		if i%4 != 3 {
			img.Pix[i] = uint8(by * float64(v))
		}
	}
	return img
}

// TestCapture: frames before the person sits right are not taken, those of
// another person are dropped, and what is taken is a portrait of the token
// geometry that a detector finds its eyes in.
func TestCapture(t *testing.T) {
	dir := models(t)
	s := sight(t, dir)
	p := paths(t)
	frames := []*image.RGBA{showing(t), showing(t, place{p[1], 640, 330, 130}), showing(t, place{p[1], 300, 330, 300})}
	for i := range 40 {
		frames = append(frames, showing(t, place{p[11], 800 + i%3, 330, 300}))
	}
	cam, err := New(&film{frames: frames, t: t}, s, Device{"desk camera", eid.OriginEmulated}, Options{Encoding: Encoding{MostBytes: 30 << 10}})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	begin := time.Now()
	samples, err := cam.CaptureFace(t.Context(), 3, func(g Guidance) { said = append(said, string(g)) })
	if err != nil {
		t.Fatalf("%v after %v", err, said)
	}
	t.Logf("captured in %v, guidance %v", time.Since(begin).Round(time.Millisecond), said)
	if len(samples) != 3 || said[0] != "no_face" || said[len(said)-1] != "ok" {
		t.Fatalf("%d samples, guidance %v", len(samples), said)
	}
	for i, f := range samples {
		img, err := jpeg.Decode(bytes.NewReader(f.JPEG))
		if err != nil || img.Bounds().Size() != image.Pt(f.Width, f.Height) || 3*f.Height != 4*f.Width || len(f.JPEG) > 30<<10 {
			t.Fatalf("sample %d: %dx%d in %d bytes: %v", i, f.Width, f.Height, len(f.JPEG), err)
		}
		if f.Device != "desk camera" || f.Origin != eid.OriginEmulated || f.Profile != "standard" || f.Presentation == nil || f.Taken.IsZero() || len(f.Measures) < 18 {
			t.Errorf("sample %d lacks what a request says of it: %+v", i, f)
		}
		if i > 0 && (f.Quality > samples[i-1].Quality || f.Taken.Sub(samples[i-1].Taken).Abs() < spacing) {
			t.Errorf("sample %d is better than the one before, or too near", i)
		}
		found, err := s.Detector.Detect(face.RGBA(img))
		if err != nil || len(found) != 1 {
			t.Fatalf("sample %d: %d faces: %v", i, len(found), err)
		}
		w := float64(f.Width)
		for k, want := range map[int]face.Point{face.RightEye: {X: 0.375 * w, Y: 0.6 * w}, face.LeftEye: {X: 0.625 * w, Y: 0.6 * w}} {
			if got := found[0].Points[k]; max(got.X-want.X, want.X-got.X, got.Y-want.Y, want.Y-got.Y) > 0.03*w {
				t.Errorf("sample %d: eye at %v, want %v", i, got, want)
			}
		}
	}
}

func TestCaptureNamesTheObstacle(t *testing.T) {
	for _, c := range []struct {
		seen map[Guidance]int
		want eid.Code
	}{
		{map[Guidance]int{}, eid.CodeNoFace},
		{map[Guidance]int{NoFace: 9, OK: 2}, eid.CodeNoFace},
		{map[Guidance]int{ManyFaces: 9, OK: 2, NoFace: 3}, eid.CodeManyFaces},
		{map[Guidance]int{"light": 4, Hold: 4, NoFace: 5}, eid.CodeQualityFace},
	} {
		if got := obstacle(c.seen); got != c.want {
			t.Errorf("%v: %s, want %s", c.seen, got, c.want)
		}
	}
	cam, err := New(&film{t: t}, Sight{}, Device{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, -1, mostSamples + 1} {
		if _, err := cam.CaptureFace(t.Context(), n, nil); eid.CodeOf(err) != eid.CodeInternal {
			t.Errorf("%d samples: %v", n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cam.CaptureFace(ctx, 1, func(Guidance) {}); err == nil {
		t.Error("a cancelled capture gives samples")
	}
	if err := cam.Use("hat"); eid.CodeOf(err) != eid.CodeInput {
		t.Errorf("an unknown profile: %v", err)
	}
	if err := cam.Use("child"); err != nil || cam.Profile().Within() != 8*time.Second {
		t.Errorf("profile of a child: %v, %v", cam.Profile().Within(), err)
	}
}

func TestFrozenPictureIsNoCamera(t *testing.T) {
	s := sight(t, models(t))
	f := &film{frames: []*image.RGBA{showing(t, place{paths(t)[11], 640, 330, 300})}, frozen: true, t: t}
	cam, err := New(f, s, Device{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cam.CaptureFace(t.Context(), 2, func(Guidance) {}); eid.CodeOf(err) != eid.CodeCameraStalled {
		t.Errorf("%v, want %s", err, eid.CodeCameraStalled)
	}
}

// TestChecksAreAskedAndRecorded: a photograph does not turn its head, and the
// sample says so.
func TestChecksAreAskedAndRecorded(t *testing.T) {
	s := sight(t, models(t))
	f := &film{frames: []*image.RGBA{showing(t, place{paths(t)[11], 640, 330, 300})}, t: t}
	cam, err := New(f, s, Device{}, Options{Challenges: pad.Asked{Kinds: []pad.Kind{pad.TurnLeft}, Count: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	samples, err := cam.CaptureFace(t.Context(), 1, func(g Guidance) { said = append(said, string(g)) })
	if err != nil {
		t.Fatal(err)
	}
	if said[0] != "turn_left" || samples[0].Presentation.Checks[0] != (eid.PresentationCheck{Kind: "turn_left"}) {
		t.Errorf("guidance %v, checks %+v", said, samples[0].Presentation.Checks)
	}
}

// TestFollowing: between searches the face is followed by its landmarks, as long
// as they stay near.
func TestFollowing(t *testing.T) {
	s := sight(t, models(t))
	if s.Marks == nil {
		t.Skip("no landmark model is installed: run make setup")
	}
	s.Every = 4
	p := paths(t)[11]
	var frames []*image.RGBA
	for i := range 6 {
		frames = append(frames, showing(t, place{p, 640 + 3*i, 330, 300}))
	}
	frames = append(frames, showing(t, place{p, 300, 330, 300}))
	cam, err := New(&film{frames: frames, begin: time.Now(), t: t}, s, Device{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	searched := ""
	var last *Observation
	var after uint64
	for range 9 {
		o, err := cam.Observe(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		after = o.Frame.Seq
		if o.Searched {
			searched += "s"
		} else {
			searched += "."
			// Two frames that were both followed: detector and landmarks do not mean
			// exactly the same points.
			if d := o.Face.Points[face.Nose].X - last.Face.Points[face.Nose].X; !last.Searched && len(searched) < 6 && (d < 0 || d > 7) {
				t.Errorf("the nose moved by %g pixels, want 3", d)
			}
		}
		last = o
	}
	if !strings.HasPrefix(searched, "s...s") || !last.Searched || last.Track != 2 {
		t.Errorf("searched %s, face number %d", searched, last.Track)
	}
}

// TestEachFrameIsSearchedOnce: two consumers share the search.
func TestEachFrameIsSearchedOnce(t *testing.T) {
	f := &film{frames: []*image.RGBA{showing(t)}, t: t}
	counted := &counting{}
	cam, err := New(f, Sight{Detector: counted}, Device{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := cam.Observe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.at-- // the next call of Next gives the same frame number once more
	f.mu.Unlock()
	second, err := cam.Observe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if first != second || counted.n != 2 { // the whole frame and its middle

		t.Errorf("frame %d and %d, %d searches", first.Frame.Seq, second.Frame.Seq, counted.n)
	}
}

type counting struct{ n int }

func (c *counting) Detect(*image.RGBA) ([]face.Found, error) { c.n++; return nil, nil }

// TestTracker: one number for one face, another after a jump or a gap.
func TestTracker(t *testing.T) {
	var tr tracker
	at := time.Now()
	points := face.Points{{X: 100, Y: 100}, {X: 160, Y: 100}, {X: 130, Y: 135}, {X: 105, Y: 170}, {X: 155, Y: 170}}
	f := face.Found{Box: image.Rect(80, 60, 180, 200), Points: points}
	moved := func(dx float64) face.Found {
		g := f
		g.Box = g.Box.Add(image.Pt(int(dx), 0))
		for i := range g.Points {
			g.Points[i].X += dx
		}
		return g
	}
	for i, c := range []struct {
		dx     float64
		gap    time.Duration
		number uint64
		moved  bool
	}{{0, 0, 1, false}, {1, 40, 1, false}, {20, 40, 1, true}, {21, 40, 1, false}, {300, 40, 2, true}, {300, 900, 3, false}, {320, 450, 3, false}} {
		at = at.Add(c.gap * time.Millisecond)
		got, number, jumped := tr.follow(moved(c.dx), at, 0.12)
		if number != c.number || jumped != c.moved {
			t.Errorf("step %d: number %d, moved %v, want %+v", i, number, jumped, c)
		}
		if i == 1 && got.Points[0].X != 100.5 {
			t.Errorf("a still face is not steadied: %v", got.Points[0])
		}
	}
}

func TestPortraitFitsItsBytes(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 1280, 960))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * i >> 7) // hard to compress
	}
	at := face.Points{{X: 580, Y: 440}, {X: 720, Y: 450}, {X: 650, Y: 530}, {X: 590, Y: 600}, {X: 700, Y: 610}}
	for _, most := range []int{300 << 10, 80 << 10, 30 << 10, 12 << 10} {
		for _, jp2 := range []bool{false, true} {
			p, err := EncodePortrait(img, img.Rect, at, Encoding{JPEG2000: jp2, MostBytes: most})
			data := p.JPEG
			if jp2 {
				data = p.JPEG2000
			}
			if err != nil || len(data) > most || 3*p.Size.Y != 4*p.Size.X {
				t.Errorf("%d bytes at most, JPEG 2000 %v: %d of %v, %v", most, jp2, len(data), p.Size, err)
				continue
			}
			for _, d := range [][]byte{p.JPEG, data} { // the screen's picture is of the same size
				if back, err := portraits.Decode(d); err != nil || back.Rect.Size() != p.Size {
					t.Errorf("%d bytes at most, JPEG 2000 %v: read again: %v", most, jp2, err)
				}
			}
			t.Logf("%d bytes at most, JPEG 2000 %v: %d, %v", most, jp2, len(data), p.Size)
		}
	}
	for _, jp2 := range []bool{false, true} {
		if _, err := EncodePortrait(img, img.Rect, at, Encoding{JPEG2000: jp2, MostBytes: 350}); err == nil {
			t.Error("a portrait fits into 350 bytes")
		}
	}
	near := face.Points{{X: 560, Y: 400}, {X: 760, Y: 400}, {X: 660, Y: 500}, {X: 590, Y: 600}, {X: 730, Y: 600}}
	if c := closeness(img.Rect, near, quality.EyeDistance(near)); c >= 1 || c < quality.Tightest {
		t.Errorf("a face too near for a token image is cut at %g of it", c)
	}
}

func FuzzResized(f *testing.F) {
	f.Add([]byte("\x3a\x0c\x5a\x0a\x0a\x08\x12\x06\x0a\x04\x08\x80\x05\x08"))
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		if out, err := resized(data); err == nil && len(out) != len(data) {
			t.Errorf("%d bytes became %d", len(data), len(out))
		}
	})
}
