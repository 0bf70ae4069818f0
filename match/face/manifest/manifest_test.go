package manifest

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

func TestEveryManifest(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	sums := map[string]string{}
	for _, m := range all {
		if ids[m.ID] {
			t.Errorf("%s stands twice", m.ID)
		}
		ids[m.ID] = true
		for _, f := range m.Files {
			if was, ok := sums[f.Name]; ok && was != f.SHA256 {
				t.Errorf("%s has two sums", f.Name)
			}
			sums[f.Name] = f.SHA256
			if m.Set == Registry && !strings.HasPrefix(f.URL, "npm:") {
				t.Errorf("%s is in no registry", f.Name)
			}
		}
		// The id names the weights: scores of others must never be taken for theirs.
		if len(m.Files) > 0 && !strings.HasSuffix(m.ID, m.Files[0].SHA256[:8]) {
			t.Errorf("%s does not end with the sum of its weights", m.ID)
		}
		if m.Kind == face.KindRecogniser && m.Engine == "onnx" {
			if _, err := face.LayoutNamed(m.Alignment); err != nil {
				t.Errorf("%s: %v", m.ID, err)
			}
			for _, views := range []string{m.Views, cmp.Or(m.FrameViews, m.Views)} {
				if _, err := face.ViewsNamed(views); err != nil {
					t.Errorf("%s: %v", m.ID, err)
				}
			}
		}
		dimension := 0
		for _, p := range m.Parts {
			part, err := Find(all, p.ID)
			if err != nil {
				t.Errorf("%s: %v", m.ID, err)
			}
			dimension += part.Dimension
		}
		if m.Kind == face.KindFusion && dimension != m.Dimension {
			t.Errorf("%s has dimension %d, its parts %d", m.ID, m.Dimension, dimension)
		}
		if m.Engine == "dlib" && (m.Decides || !m.PilotOnly) {
			t.Error("dlib decides")
		}
	}
	// What `make setup` pins must be what the desk checks.
	script, err := os.ReadFile("../../../internal/setup/models.sha256")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(script)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if want, ok := sums[name]; ok && want != sum {
			t.Errorf("setup pins another %s", name)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := files.ReadFile("intel.toml")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown key":  {"id =", "idd ="},
		"unknown kind": {`"recogniser"`, `"oracle"`},
		"no sum":       {`sha256 = "4a76`, `sha256 = "zz76`},
		"a way out":    {`name = "omz`, `name = "../omz`},
		"no dimension": {"dimension = 256", ""},
		"review above": {"review = 0.467\naccept = 0.594", "review = 0.7\naccept = 0.594"},
		"no licence":   {"licence =", "# licence ="},
	} {
		text := strings.Replace(string(good), change[0], change[1], 1)
		if text == string(good) {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReadChecksTheSum(t *testing.T) {
	dir := t.TempDir()
	f := face.File{Name: "m", SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"} // of "test"
	if _, err := Read(dir, f); eid.CodeOf(err) != eid.CodeModels {
		t.Errorf("missing: %v", err)
	}
	for content, code := range map[string]eid.Code{"test": "", "tests": eid.CodeModels, "": eid.CodeModels} {
		if err := os.WriteFile(filepath.Join(dir, "m"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		data, err := Read(dir, f)
		if (code == "") != (err == nil) || err != nil && eid.CodeOf(err) != code || err == nil && string(data) != content {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"intel.toml", "fusion.toml", "dlib.toml"} {
		data, err := files.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := Parse(data); err == nil && m.ID == "" {
			t.Error("a manifest without an id is taken")
		}
	})
}
