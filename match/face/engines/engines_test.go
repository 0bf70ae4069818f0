package engines_test

import (
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/engines"
	"github.com/enrold/enrold/match/face/imagefile"
	"github.com/enrold/enrold/match/face/manifest"
)

const (
	registry = "../../../build/models"
	photos   = "../../../build/photos"
)

// recommended is where the recommended set may lie beside the project.
var recommended = []string{registry, "../../../../shared/data/models"}

// folder makes a folder with the files of these models, from wherever they are;
// without them the test is skipped.
func folder(t testing.TB, ids ...string) string {
	t.Helper()
	all, err := manifest.All()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, m := range all {
		for _, id := range append(ids, "runtime") {
			if m.ID != id && string(m.Kind) != id {
				continue
			}
			for _, f := range m.Files {
				if !link(t, dir, f.Name) {
					t.Skipf("%s is not here: run make setup, and enrold models install --set recommended", f.Name)
				}
			}
		}
	}
	return dir
}

func link(t testing.TB, dir, name string) bool {
	for _, from := range recommended {
		path, err := filepath.Abs(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		return true
	}
	return false
}

const (
	yunet, intel, fr     = "yunet-2023mar-8f2383e4", "intel-reid-0095-4a764479", "fr-feature-87aacdfe"
	frDetect, frLandmark = "fr-detect-6c0256cc", "fr-landmark-f10b0ba1"
	dlib                 = "dlib-resnet-v1-55533b28"
)

func TestChoiceIsTheBestInstalled(t *testing.T) {
	for _, c := range []struct {
		want    string
		warning engines.Warning
		ids     []string
	}{
		{"dlib", engines.WarnNotForDecisions, []string{dlib}},
		{"faceplugin", engines.WarnRegistryOnly, []string{dlib, fr, frDetect, frLandmark}},
		{"intel", "", []string{dlib, yunet, intel}},
		{"fusion", engines.WarnPilot, []string{dlib, yunet, intel, fr, frDetect, frLandmark}},
		{"dlib", engines.WarnNotForDecisions, []string{dlib, fr, frDetect}}, // no landmarks: no points
	} {
		got, err := engines.Choose(folder(t, c.ids...), "")
		if err != nil || got.Name != c.want || got.Warning != c.warning {
			t.Errorf("with %v: %s %q, %v, want %s", c.ids, got.Name, got.Warning, err, c.want)
		}
	}
	if _, err := engines.Choose(t.TempDir(), ""); eid.CodeOf(err) != eid.CodeModels {
		t.Errorf("nothing installed: %v", err)
	}
	if _, err := engines.Choose(t.TempDir(), "other"); eid.CodeOf(err) != eid.CodeInput {
		t.Errorf("unknown engine: %v", err)
	}
	if c, err := engines.Choose(t.TempDir(), intel); err != nil || c.Name != "intel" {
		t.Errorf("by the recogniser's id: %s, %v", c.Name, err)
	}
}

func TestAlteredFilesAreNotLoaded(t *testing.T) {
	dir := folder(t, fr, frDetect, frLandmark)
	for _, name := range []string{"fr_feature.onnx", "libonnxruntime.so.1"} {
		path := filepath.Join(dir, name)
		was, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("not a model"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := engines.Open(dir, ""); eid.CodeOf(err) != eid.CodeModels {
			t.Errorf("%s altered: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := engines.Open(dir, "faceplugin"); eid.CodeOf(err) != eid.CodeModels {
			t.Errorf("%s missing: %v", name, err)
		}
		if err := os.Symlink(was, path); err != nil {
			t.Fatal(err)
		}
	}
}

// photographs are some of each person, by person.
func photographs(t testing.TB, each int) map[string][]*image.RGBA {
	t.Helper()
	people, err := filepath.Glob(photos + "/*")
	if err != nil || len(people) < 2 {
		t.Skip("no photographs in build/photos: run make setup")
	}
	out := map[string][]*image.RGBA{}
	for _, p := range people {
		paths, err := filepath.Glob(p + "/*.jpg")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths[:min(each, len(paths))] {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			img, err := imagefile.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			out[p] = append(out[p], img)
		}
	}
	return out
}

// TestPersons: with every engine that is here, one person's photographs are
// more alike than any two persons'.
func TestPersons(t *testing.T) {
	people := photographs(t, 4)
	for name, ids := range map[string][]string{
		"fusion": {yunet, intel, fr}, "intel": {yunet, intel}, "faceplugin": {fr, frDetect, frLandmark},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engines.Open(folder(t, ids...), name)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}()
			m := e.Engine.Model()
			type sample struct {
				who string
				t   face.Template
			}
			var all []sample
			for who, images := range people {
				for _, img := range images {
					faces, err := e.Engine.Describe(img)
					if err != nil || len(faces) == 0 {
						t.Fatalf("%d faces, %v", len(faces), err)
					}
					if len(faces[0].Template.Values) != m.Dimension || faces[0].Template.Model != m.ID {
						t.Fatalf("template %v of %d numbers", faces[0].Template, len(faces[0].Template.Values))
					}
					all = append(all, sample{who, faces[0].Template})
				}
			}
			genuine, impostor := 1.0, -1.0
			for i := range all {
				for j := range i {
					s, err := m.Score(all[i].t, all[j].t)
					if err != nil {
						t.Fatal(err)
					}
					if all[i].who == all[j].who {
						genuine = min(genuine, s)
					} else {
						impostor = max(impostor, s)
					}
				}
			}
			if genuine < 0.5 || impostor > 0.35 {
				t.Errorf("genuine from %.3f, impostor to %.3f: want apart by 0.5 and 0.35", genuine, impostor)
			}
			t.Logf("genuine from %.3f, impostor to %.3f", genuine, impostor)
		})
	}
}

// TestWhatSetsLookLike: tight, small, gray, dim and large pictures are found,
// and described like the photograph that they were made of.
func TestWhatSetsLookLike(t *testing.T) {
	for name, ids := range map[string][]string{"intel": {yunet, intel}, "faceplugin": {fr, frDetect, frLandmark}} {
		e, err := engines.Open(folder(t, ids...), name)
		if err != nil {
			t.Fatal(err)
		}
		m := e.Engine.Model()
		for _, images := range photographs(t, 1) {
			whole := images[0]
			want, err := e.Engine.Describe(whole)
			if err != nil || len(want) == 0 {
				t.Fatalf("%s: %d faces, %v", name, len(want), err)
			}
			tight := want[0].Box.Intersect(whole.Rect)
			large := image.NewRGBA(image.Rect(0, 0, 1280, 720))
			draw.Draw(large, large.Rect, image.NewUniform(color.Gray{90}), image.Point{}, draw.Src)
			draw.Draw(large, image.Rect(900, 300, 1050, 450), whole, image.Point{}, draw.Src)
			for what, img := range map[string]*image.RGBA{
				"112x112":       scaled(whole, whole.Rect, 112, 112, false),
				"92x112 gray":   scaled(whole, image.Rect(14, 0, 136, 150), 92, 112, true),
				"tight":         scaled(whole, tight, tight.Dx(), tight.Dy(), false),
				"tight 112x112": scaled(whole, tight, 112, 112*tight.Dy()/tight.Dx(), false),
				"in a frame":    large,
			} {
				got, err := e.Engine.Describe(img)
				if err != nil || len(got) == 0 {
					t.Errorf("%s, %s: %d faces, %v", name, what, len(got), err)
					continue
				}
				s, err := m.Score(want[0].Template, got[0].Template)
				if err != nil || s < 0.6 {
					t.Errorf("%s, %s: score %.3f with itself, %v", name, what, s, err)
				}
			}
		}
		if faces, err := e.Engine.Describe(scaled(image.NewRGBA(image.Rect(0, 0, 64, 64)), image.Rect(0, 0, 64, 64), 300, 200, false)); err != nil || len(faces) != 0 {
			t.Errorf("%s: %d faces in nothing, %v", name, len(faces), err)
		}
		if _, err := e.Engine.Describe(image.NewRGBA(image.Rect(0, 0, 8, 8))); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: a tiny image: %v", name, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func scaled(img *image.RGBA, r image.Rectangle, width, height int, gray bool) *image.RGBA {
	p := face.Stretched(img, r, width, height)
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	n := width * height
	for i := range n {
		c := color.RGBA{uint8(p.Pix[i]), uint8(p.Pix[n+i]), uint8(p.Pix[2*n+i]), 255}
		if gray {
			y := color.GrayModel.Convert(c).(color.Gray).Y
			c = color.RGBA{y, y, y, 255}
		}
		out.SetRGBA(i%width, i/width, c)
	}
	return out
}
