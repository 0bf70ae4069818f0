package dlib_test

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/dlib"
	"github.com/enrold/enrold/match/face/policy"
)

const (
	models = "../../../build/models"
	photos = "../../../build/photos"
)

func open(t testing.TB) *dlib.Engine {
	t.Helper()
	if _, err := os.Stat(models); err != nil {
		t.Skip("no models in build/models: run make setup")
	}
	e, err := dlib.Open(models)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func photographs(t testing.TB, person int) []image.Image {
	t.Helper()
	if _, err := os.Stat(photos); err != nil {
		t.Skip("no photographs in build/photos: run make setup")
	}
	p, err := persons.Get(person)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := p.Photos(photos)
	if err != nil {
		t.Fatal(err)
	}
	var out []image.Image
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		img, err := face.DecodeJPEG(data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, img)
	}
	return out
}

// TestPersons: each person's other photographs pass against the portrait on
// the chip (the first), in threes as at the desk, and nobody else's do.
func TestPersons(t *testing.T) {
	e := open(t)
	m := e.Model()
	var templates [persons.Count][]face.Template
	for i := range templates {
		for _, img := range photographs(t, i) {
			faces, err := e.Describe(img)
			if err != nil {
				t.Fatal(err)
			}
			if len(faces) != 1 {
				t.Fatalf("person %d: %d faces in a photograph, want 1", i, len(faces))
			}
			templates[i] = append(templates[i], faces[0].Template)
		}
	}
	worstGenuine, bestImpostor := 0.0, 2.0
	for i := range templates {
		for j := range templates {
			live := templates[j][1:]
			for k := range live {
				three := []face.Template{live[k], live[(k+1)%len(live)], live[(k+2)%len(live)]}
				mean, err := m.Mean(three...)
				if err != nil {
					t.Fatal(err)
				}
				score, err := m.Score(templates[i][0], mean)
				if err != nil {
					t.Fatal(err)
				}
				if m.Passes(score) != (i == j) {
					t.Errorf("portrait of %d, live %d from photograph %d: score %.3f", i, j, k+1, score)
				}
				if i == j {
					worstGenuine = max(worstGenuine, score)
				} else {
					bestImpostor = min(bestImpostor, score)
				}
			}
		}
	}
	t.Logf("worst genuine %.3f, best impostor %.3f", worstGenuine, bestImpostor)
}

func TestCompareNeedsOneFace(t *testing.T) {
	e := open(t)
	one := photographs(t, 0)[0]
	empty := image.NewRGBA(image.Rect(0, 0, 320, 240))
	draw.Draw(empty, empty.Rect, image.NewUniform(color.Gray{90}), image.Point{}, draw.Src)
	two := image.NewRGBA(image.Rect(0, 0, 320, 160))
	draw.Draw(two, image.Rect(0, 0, 150, 150), one, image.Point{}, draw.Src)
	draw.Draw(two, image.Rect(160, 0, 310, 150), photographs(t, 1)[0], image.Point{}, draw.Src)
	for _, c := range []struct {
		name string
		img  image.Image
		want eid.Code
	}{{"empty", empty, eid.CodeNoFace}, {"two", two, eid.CodeManyFaces}, {"tiny", image.NewRGBA(image.Rect(0, 0, 8, 8)), eid.CodeInput}} {
		p, m := policy.Policy{FMR: 0.001}, face.Manifest{ID: e.Model().ID, Metric: e.Model().Metric, Dimension: e.Model().Dimension}
		_, err := p.Compare(e, m, c.img, policy.Live{Image: one})
		if eid.CodeOf(err) != c.want {
			t.Errorf("%s portrait: %v, want %s", c.name, err, c.want)
		}
		_, err = p.Compare(e, m, one, policy.Live{Image: c.img})
		if eid.CodeOf(err) != c.want {
			t.Errorf("%s live image: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestModelsAreChecked(t *testing.T) {
	if err := dlib.CheckModels(t.TempDir()); eid.CodeOf(err) != eid.CodeModels || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
	dir := t.TempDir()
	for _, name := range []string{"dlib_face_recognition_resnet_model_v1.dat", "mmod_human_face_detector.dat", "shape_predictor_5_face_landmarks.dat"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not a model"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dlib.Open(dir); eid.CodeOf(err) != eid.CodeModels {
		t.Errorf("altered models: %v", err)
	}
}

func TestDetectRefusesBadShapes(t *testing.T) {
	d, err := dlib.NewDetector()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ n, w, h int }{{0, 0, 0}, {10, 5, 3}, {10, -1, -10}, {5000, 5000, 1}} {
		if _, err := d.Detect(make([]byte, c.n), c.w, c.h); err == nil {
			t.Errorf("%d bytes as %dx%d: no error", c.n, c.w, c.h)
		}
	}
	if found, err := d.Detect(make([]byte, 40*30), 40, 30); err != nil || len(found) != 0 {
		t.Errorf("small black image: %v, %v", found, err)
	}
	d.Close()
	if _, err := d.Detect(make([]byte, 40*30), 40, 30); err == nil {
		t.Error("closed detector: no error")
	}
}

func BenchmarkDetect640x360(b *testing.B) {
	e := open(b)
	gray := make([]byte, 640*360)
	for b.Loop() {
		if _, err := e.Detector().Detect(gray, 640, 360); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDescribeFrame(b *testing.B) {
	e := open(b)
	frame := image.NewRGBA(image.Rect(0, 0, 1280, 720))
	photo := photographs(b, 0)[1]
	for y := range 600 {
		for x := range 600 {
			frame.Set(340+x, 60+y, photo.At(x/4, y/4))
		}
	}
	for b.Loop() {
		if faces, err := e.Describe(frame); err != nil || len(faces) != 1 {
			b.Fatal(faces, err)
		}
	}
}
