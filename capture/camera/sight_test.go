package camera

import (
	"image"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/image/draw"
	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/video"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/engines"
)

const photos = "../../build/photos"

// modelDirs are searched for models: what make setup installs, and where the
// recommended set may lie beside the project.
var modelDirs = []string{"../../build/models", "../../../shared/data/models"}

// models is a folder of links to every model that this machine has; the test is
// skipped without the small detector.
func models(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range modelDirs {
		files, _ := os.ReadDir(from) // a folder that is missing has none
		for _, f := range files {
			path, err := filepath.Abs(filepath.Join(from, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			_ = os.Symlink(path, filepath.Join(dir, f.Name())) // a second file of the same name is the same
		}
	}
	if !QuickInstalled(dir) {
		t.Skip("YuNet or onnxruntime are not installed: run make setup and enrold models install --set recommended")
	}
	return dir
}

// sight is the real detector with the landmarks where there are any.
func sight(t testing.TB, dir string) Sight {
	t.Helper()
	quick, err := OpenQuick(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := Sight{Detector: quick}
	e, err := engines.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if e.Marks != nil {
		s.Marks = e.Marks
	}
	s.Live = e.PAD
	t.Cleanup(func() {
		if err := quick.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// paths of all photographs, in a fixed order.
func paths(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob(photos + "/*/*.jpg")
	if err != nil || len(list) == 0 {
		t.Skip("no photographs in build/photos: run make setup")
	}
	return list
}

// place is where a photograph lies in a frame: its middle and its height.
type place struct {
	path         string
	x, y, height int
}

func put(t testing.TB, img *image.RGBA, p place) {
	t.Helper()
	data, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	photo, err := face.DecodeJPEG(data)
	if err != nil {
		t.Fatal(err)
	}
	h := p.height / 2
	draw.CatmullRom.Scale(img, image.Rect(p.x-h, p.y-h, p.x+h, p.y+h), photo, photo.Rect, draw.Src, nil)
}

func frameOf(t testing.TB, img *image.RGBA, seq uint64, taken time.Time) *video.Frame {
	t.Helper()
	bgr := make([]byte, 3*img.Rect.Dx()*img.Rect.Dy())
	for i := range img.Rect.Dx() * img.Rect.Dy() {
		bgr[3*i], bgr[3*i+1], bgr[3*i+2] = img.Pix[4*i+2], img.Pix[4*i+1], img.Pix[4*i]
	}
	bgr[0] = uint8(seq) // no sensor gives the same picture twice
	f, err := video.NewFrame(seq, taken, img.Rect.Dx(), img.Rect.Dy(), bgr)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// BenchmarkLook is the search and the measuring of one frame of 1280x720, in
// this thread's processor time: other programs of the machine do not count.
func BenchmarkLook(b *testing.B) {
	dir := models(b)
	recommended := sight(b, dir)
	registry, err := engines.Open(dir, "faceplugin")
	if err != nil {
		b.Skip("the registry's models are not installed: ", err)
	}
	defer registry.Close()
	img := image.NewRGBA(image.Rect(0, 0, 1280, 720))
	put(b, img, place{paths(b)[0], 640, 330, 300})
	frame := frameOf(b, img, 1, time.Now())
	for _, c := range []struct {
		name  string
		sight Sight
	}{
		{"yunet", recommended},
		{"registry", Sight{Detector: registry.Detector, Marks: registry.Marks, Every: 4}},
	} {
		b.Run(c.name, func(b *testing.B) {
			cam, err := New(nil, c.sight, Device{}, Options{})
			if err != nil {
				b.Fatal(err)
			}
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			begin := threadTime(b)
			for range b.N {
				if o, err := cam.look(frame); err != nil || len(o.Report) == 0 {
					b.Fatal(o, err)
				}
			}
			b.ReportMetric((threadTime(b)-begin).Seconds()*1000/float64(b.N), "cpu-ms/frame")
		})
	}
}

func threadTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
