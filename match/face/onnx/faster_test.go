package onnx

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/manifest"
)

// recogniserFile is the bytes of a model's file, from wherever it lies; without
// it the test is skipped.
func recogniserFile(t testing.TB, m face.Manifest) []byte {
	t.Helper()
	for _, dir := range []string{"../../../build/models", "../../../../shared/data/models"} {
		if data, err := manifest.Read(dir, m.Files[0]); err == nil {
			return data
		}
	}
	t.Skipf("%s is not here: run make setup, and enrold models install --set recommended", m.Files[0].Name)
	return nil
}

func openRuntime(t testing.TB) *Runtime {
	t.Helper()
	path, err := filepath.Abs("../../../build/models/libonnxruntime.so.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("no onnxruntime in build/models: run make setup")
	}
	rt, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	})
	return rt
}

// TestFasterIsTheSame: a rewritten recogniser gives the template of the one in
// the file.
func TestFasterIsTheSame(t *testing.T) {
	all, err := manifest.All()
	if err != nil {
		t.Fatal(err)
	}
	rt := openRuntime(t)
	for _, m := range all {
		if m.Kind != face.KindRecogniser || m.Engine != "onnx" {
			continue
		}
		t.Run(m.ID, func(t *testing.T) {
			data := recogniserFile(t, m)
			plain, err := rt.load(data, ort.NewShape(1, 3, int64(m.Height), int64(m.Width)), nil)
			if err != nil {
				t.Fatal(err)
			}
			fast, err := rt.open(data, 3, m.Height, m.Width)
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(1, 2))
			in := make([]float32, 3*m.Width*m.Height)
			for range 3 {
				shade := random.Float64()*6 + 1
				for i := range in {
					in[i] = float32((127 + 60*math.Sin(float64(i%m.Width)/shade) + 60*random.Float64() - m.Mean) / m.Scale)
				}
				var templates [2][]float32
				for i, s := range []*session{plain, fast} {
					err := s.run(
						func(to []float32) { copy(to, in) },
						func(out [][]float32) error { templates[i] = append(templates[i], out[0]...); return nil })
					if err != nil || !unit(templates[i]) {
						t.Fatalf("no template: %v", err)
					}
				}
				var cosine float64
				for i, v := range templates[0] {
					cosine += float64(v) * float64(templates[1][i])
				}
				if math.Abs(1-cosine) > 1e-5 {
					t.Errorf("cosine similarity %g of plain and rewritten", cosine)
				}
			}
			for _, s := range []*session{plain, fast} {
				if err := s.close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
