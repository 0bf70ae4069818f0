package profile

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files")

// The generated files equal what the profiles give now.
func TestGenerated(t *testing.T) {
	s := embedded(t)
	var doc, rules bytes.Buffer
	if err := s.Document(&doc); err != nil {
		t.Fatal(err)
	}
	if err := s.Udev(&rules); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{"../../docs/DEVICES.md": doc.Bytes(), "testdata/70-enrold.rules": rules.Bytes()} {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run `make docs`", path)
		}
	}
}

// Nothing that was only emulated or read may look as if it had been tried.
func TestDocumentIsHonest(t *testing.T) {
	s := embedded(t)
	var doc bytes.Buffer
	if err := s.Document(&doc); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.All() {
		row := ""
		for line := range strings.Lines(doc.String()) {
			if strings.Contains(line, "| `"+p.Name+"` |") {
				row = line
			}
		}
		want := "| " + string(p.Status) + " |"
		if p.Driver == "" {
			want = "| none | no driver; planned: " + p.Plan + " |"
		}
		if !strings.Contains(row, want) {
			t.Errorf("%s: row %q lacks %q", p.Name, row, want)
		}
	}
}
