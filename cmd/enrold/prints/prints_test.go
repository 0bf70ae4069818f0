package prints

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/match/finger/imagefile"
)

// runCommand parses and runs a command line and returns what it printed.
func runCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var c struct {
		Finger Command `cmd:""`
		Bench  struct {
			Finger Bench `cmd:""`
		} `cmd:""`
	}
	parser, err := kong.New(&c, kong.Name("enrold"), kong.Exit(func(int) { t.Fatal("kong exits") }))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	parsed.BindTo(t.Context(), (*context.Context)(nil))
	parsed.BindTo(&out, (*io.Writer)(nil))
	err = parsed.Run()
	return out.String(), err
}

// writePrints writes impressions of grown fingers in the FVC naming.
func writePrints(t *testing.T, dir string, fingers, impressions int) {
	t.Helper()
	for f := range fingers {
		grown := ridge.Grow(uint64(9970 + f))
		for k := range impressions {
			g := grown.Impression(k, ridge.WindowZFM)
			data, err := imagefile.Write(imagefile.Image{Width: g.Width, Height: g.Height, DPI: g.DPI, Pixels: g.Pixels}, imagefile.TIFF)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, fmt.Sprintf("%d_%d.tif", 101+f, 1+k)), data)
		}
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFingerCommands(t *testing.T) {
	dir := t.TempDir()
	writePrints(t, dir, 3, 2)
	at := func(name string) string { return filepath.Join(dir, name) }
	out := t.TempDir()
	for _, f := range []string{"iso2005", "iso2011", "ansi378", "native"} {
		to := filepath.Join(out, "101."+f)
		if text, err := runCommand(t, "finger", "extract", at("101_1.tif"), "-o", to, "--format", f); err != nil || !strings.Contains(text, "minutiae, quality") {
			t.Fatalf("extract %s: %q, %v", f, text, err)
		}
		if _, err := runCommand(t, "finger", "extract", at("101_1.tif"), "-o", to, "--format", f); !errors.Is(err, os.ErrExist) {
			t.Errorf("extract over a file: %v", err)
		}
		text, err := runCommand(t, "finger", "match", to, at("101_2.tif"), "--json")
		var got struct {
			Score, Threshold float64
			Match            bool
		}
		if err != nil || json.Unmarshal([]byte(text), &got) != nil || !got.Match || got.Score < got.Threshold {
			t.Errorf("match %s: %q, %v", f, text, err)
		}
		if _, err := runCommand(t, "finger", "match", to, at("102_1.tif")); !errors.Is(err, unlike{}) {
			t.Errorf("match %s with another finger: %v", f, err)
		}
	}

	write(t, at("notes.txt"), []byte("no print"))
	text, err := runCommand(t, "finger", "identify", filepath.Join(out, "101.native"), dir, "--top", "2", "--json")
	var found struct {
		Candidates []hit
		Gallery    int
		LeftOut    int `json:"left_out"`
	}
	if err != nil || json.Unmarshal([]byte(text), &found) != nil {
		t.Fatalf("identify: %q, %v", text, err)
	}
	if found.Gallery != 6 || found.LeftOut != 1 || len(found.Candidates) != 2 || found.Candidates[0].File != "101_1.tif" || found.Candidates[1].File != "101_2.tif" {
		t.Errorf("identify: %s", text)
	}
}

func TestFingerRefuses(t *testing.T) {
	dir := t.TempDir()
	blank, err := imagefile.Write(imagefile.Image{Width: 300, Height: 300, DPI: 500, Pixels: bytes.Repeat([]byte{200}, 90_000)}, imagefile.PNG)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "blank.png"), blank)
	write(t, filepath.Join(dir, "empty"), nil)
	out := filepath.Join(dir, "out")
	for name, want := range map[string]string{"blank.png": "no_finger", "empty": "neither an image nor a template"} {
		_, err := runCommand(t, "finger", "extract", filepath.Join(dir, name), "-o", out)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a template was written", name)
		}
	}
}

func TestBenchFinger(t *testing.T) {
	root, files := t.TempDir(), t.TempDir()
	set := filepath.Join(root, "one")
	if err := os.Mkdir(set, 0o700); err != nil {
		t.Fatal(err)
	}
	writePrints(t, set, 3, 2)
	blank, err := imagefile.Write(imagefile.Image{Width: 300, Height: 300, DPI: 500, Pixels: bytes.Repeat([]byte{200}, 90_000)}, imagefile.TIFF)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(set, "103_3.tif"), blank)
	write(t, filepath.Join(set, "dpi"), []byte("500\n"))
	scores, plot := filepath.Join(files, "scores.csv"), filepath.Join(files, "det.svg")
	for _, dir := range []string{root, set} { // a folder of sets, and a set
		text, err := runCommand(t, "bench", "finger", dir, "--json", "--threads", "2", "--gallery", "500", "--scores", scores, "--plot", plot)
		var got report
		if err != nil || json.Unmarshal([]byte(text), &got) != nil || len(got.Sets) != 1 {
			t.Fatalf("%q, %v", text, err)
		}
		// Pairs of fingers of 2, 2 and 3 impressions, by hand.
		s := got.Sets[0]
		if s.Impressions != 7 || s.Failures != 1 || s.Genuine != 1+1+3 || s.Impostor != 4+6+6 {
			t.Errorf("%+v", s)
		}
		// The blank's two mated pairs fail, the others do not.
		if s.ZeroFMR != 0.4 || s.FMR1000 != 0.4 || s.Extraction <= 0 || s.Verify <= 0 || s.Identify <= 0 {
			t.Errorf("%+v", s)
		}
	}
	data, err := os.ReadFile(scores)
	if err != nil || bytes.Count(data, []byte("\n")) != 1+5+16 {
		t.Errorf("%d lines of scores, %v", bytes.Count(data, []byte("\n")), err)
	}
	if data, err := os.ReadFile(plot); err != nil || !bytes.HasPrefix(data, []byte("<svg")) {
		t.Errorf("plot: %v", err)
	}
	if _, err := runCommand(t, "bench", "finger", files); err == nil {
		t.Error("a folder without sets was measured")
	}
}
