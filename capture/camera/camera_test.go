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

	"github.com/enrold/enrold/hw/video"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face/dlib"
)

// script is a camera of 1280x720 that plays scenes, one a frame, the last for
// ever; it is also the detector, which finds what the script says. The real
// camera and detector are joined in internal/worker/vision's tests.
type script struct {
	scenes []scene
	mu     sync.Mutex
	at     int
	looked int
	frozen bool // the sensor's noise is missing
}

type scene struct {
	boxes []image.Rectangle // on the 640 pixel copy
	pixel func(x, y int) uint8
}

func textured(x, y int) uint8 { return uint8(60 + 20*((x/4+y/4)%8)) }
func black(int, int) uint8    { return 5 }
func plain(int, int) uint8    { return 120 }

func (s *script) Next(ctx context.Context, after uint64) (*video.Frame, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(10 * time.Millisecond):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at++
	sc := s.now()
	bgr := make([]byte, 3*1280*720)
	for y := range 720 {
		for x := range 1280 {
			v := sc.pixel(x, y)
			p := bgr[3*(y*1280+x):]
			p[0], p[1], p[2] = v, v, v
		}
	}
	if !s.frozen {
		bgr[0] = uint8(s.at)
	}
	return video.NewFrame(uint64(s.at), time.Now(), 1280, 720, bgr)
}

func (s *script) now() scene { return s.scenes[min(s.at, len(s.scenes))-1] }

func (s *script) Detect(pixels []byte, width, height int) ([]dlib.Detection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked++
	var out []dlib.Detection
	for _, b := range s.now().boxes {
		out = append(out, dlib.Detection{Box: b})
	}
	return out, nil
}

func at(x, y, side int) image.Rectangle {
	return image.Rect(x-side/2, y-side/2, x+side/2, y+side/2)
}

var good = scene{boxes: []image.Rectangle{at(320, 180, 160)}, pixel: textured}

func TestGuidance(t *testing.T) {
	for _, c := range []struct {
		name string
		want Guidance
		sc   scene
	}{
		{"nobody", NoFace, scene{pixel: textured}},
		{"good", OK, good},
		{"two people", ManyFaces, scene{[]image.Rectangle{at(200, 180, 160), at(450, 180, 120)}, textured}},
		{"a picture on the wall", OK, scene{[]image.Rectangle{at(320, 180, 200), at(600, 50, 82)}, textured}},
		{"far", Closer, scene{[]image.Rectangle{at(320, 180, 90)}, textured}},
		{"near", Farther, scene{[]image.Rectangle{at(320, 180, 300)}, textured}},
		{"left", Centre, scene{[]image.Rectangle{at(150, 180, 160)}, textured}},
		{"low", Centre, scene{[]image.Rectangle{at(320, 275, 160)}, textured}},
		{"dark", Light, scene{good.boxes, black}},
		{"no contrast", Light, scene{good.boxes, plain}},
	} {
		s := &script{scenes: []scene{c.sc}}
		o, err := New(s, s, "test", eid.OriginEmulated).Observe(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if o.Guidance != c.want {
			t.Errorf("%s: %s %v, want %s", c.name, o.Guidance, o.Measures, c.want)
		}
	}
}

func TestMovementIsHeld(t *testing.T) {
	moved := scene{[]image.Rectangle{at(360, 180, 160)}, textured}
	s := &script{scenes: []scene{good, moved, moved}}
	cam := New(s, s, "test", eid.OriginEmulated)
	var got []string
	var after uint64
	for range 3 {
		o, err := cam.Observe(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		after = o.Frame.Seq
		got = append(got, string(o.Guidance))
	}
	if s := strings.Join(got, " "); s != "ok hold ok" {
		t.Errorf("guidance %s", s)
	}
}

func TestCaptureTakesOnlyGoodFrames(t *testing.T) {
	far := scene{[]image.Rectangle{at(320, 180, 100)}, textured}
	s := &script{scenes: []scene{{pixel: textured}, far, far, good}}
	var said []string
	samples, err := New(s, s, "desk camera", eid.OriginEmulated).CaptureFace(t.Context(), 2, func(g Guidance) { said = append(said, string(g)) })
	if err != nil {
		t.Fatal(err)
	}
	if g := strings.Join(said, " "); g != "no_face closer hold ok" { // the jump from far to near is a movement
		t.Errorf("guidance %s", g)
	}
	if len(samples) != 2 {
		t.Fatalf("%d samples", len(samples))
	}
	for _, f := range samples {
		head, err := jpeg.DecodeConfig(bytes.NewReader(f.JPEG))
		if err != nil || head.Width != 1280 || f.Width != 1280 || f.Height != 720 || f.Quality < 50 || f.Device != "desk camera" || f.Origin != eid.OriginEmulated {
			t.Errorf("sample of %dx%d, quality %d, %s, %s: %v", f.Width, f.Height, f.Quality, f.Device, f.Origin, err)
		}
	}
	if gap := samples[1].Taken.Sub(samples[0].Taken).Abs(); gap < spacing {
		t.Errorf("samples are %v apart", gap)
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
		{map[Guidance]int{Light: 4, Hold: 4, NoFace: 5}, eid.CodeQualityFace},
	} {
		if got := obstacle(c.seen); got != c.want {
			t.Errorf("%v: %s, want %s", c.seen, got, c.want)
		}
	}
	s := &script{scenes: []scene{good}}
	cam := New(s, s, "test", eid.OriginEmulated)
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
}

func TestFrozenPictureIsNoCamera(t *testing.T) {
	s := &script{scenes: []scene{good}, frozen: true}
	_, err := New(s, s, "test", eid.OriginEmulated).CaptureFace(t.Context(), 2, func(Guidance) {})
	if eid.CodeOf(err) != eid.CodeCameraStalled {
		t.Errorf("%v, want %s", err, eid.CodeCameraStalled)
	}
}

// TestEachFrameIsSearchedOnce: two consumers share the search.
func TestEachFrameIsSearchedOnce(t *testing.T) {
	s := &script{scenes: []scene{good}}
	cam := New(s, s, "test", eid.OriginEmulated)
	first, err := cam.Observe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.at-- // the next call of Next gives the same frame number once more
	s.mu.Unlock()
	second, err := cam.Observe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if first != second || s.looked != 1 {
		t.Errorf("frame %d and %d, %d searches", first.Frame.Seq, second.Frame.Seq, s.looked)
	}
}
