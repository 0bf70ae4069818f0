// Package manifest holds what is known of each face model, one TOML file a
// model, and finds which of them are installed. Weights are never part of the
// project.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

//go:embed *.toml
var files embed.FS

// Sets of models.
const (
	Registry    = "registry"    // every file comes from the npm registry
	Recommended = "recommended" // to be brought: better, of known origin
	Derived     = "derived"     // nothing to fetch: made of others
)

// MaxFile bounds a model's file.
const MaxFile = 256 << 20

// All returns every manifest for this platform, by name of its file.
func All() ([]face.Manifest, error) {
	names, err := fs.Glob(files, "*.toml")
	if err != nil {
		return nil, err
	}
	var all []face.Manifest
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		m, err := Parse(data)
		if err != nil {
			return nil, fmt.Errorf("read manifest %s: %w", name, err)
		}
		if m.Platform == "" || m.Platform == runtime.GOOS+"/"+runtime.GOARCH {
			all = append(all, m)
		}
	}
	return all, nil
}

// Parse reads one manifest, strictly.
func Parse(data []byte) (face.Manifest, error) {
	var m face.Manifest
	dec := toml.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, err
	}
	return m, check(m)
}

func check(m face.Manifest) error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	want(m.ID != "" && m.Engine != "" && m.Name != "" && m.Origin != "" && m.Licence != "", "id, engine, name, origin and licence are required")
	switch m.Kind {
	case face.KindDetector, face.KindLandmarks, face.KindPAD:
		want(m.Width > 0 && m.Height > 0 && m.Scale > 0, "a network needs width, height and scale")
	case face.KindRecogniser:
		want(m.Dimension > 0 && (m.Metric == face.Cosine || m.Metric == face.Euclidean), "a recogniser needs dimension and metric")
	case face.KindFusion:
		want(len(m.Parts) > 1 && m.Metric == face.Cosine, "a fusion needs parts and the cosine metric")
	case face.KindRuntime:
	default:
		want(false, "unknown kind %q", m.Kind)
	}
	want(len(m.Files) > 0 || m.Kind == face.KindFusion, "no files")
	for _, f := range m.Files {
		sum, err := hex.DecodeString(f.SHA256)
		want(err == nil && len(sum) == sha256.Size, "%s: no SHA-256", f.Name)
		want(f.Name != "" && f.Name == filepath.Base(f.Name) && !strings.HasPrefix(f.Name, "."), "%q is no file's name", f.Name)
	}
	for _, t := range m.Thresholds {
		want(t.FMR > 0 && t.FMR < 1 && !math.IsNaN(t.Accept) && !math.IsNaN(t.Review) && t.CalibrationSet != "", "threshold without rate, limits or set")
		if m.Metric == face.Cosine {
			want(t.Review <= t.Accept, "review limit %g is stricter than accept %g", t.Review, t.Accept)
		}
	}
	return errors.Join(errs...)
}

// Find returns the manifest with this id.
func Find(all []face.Manifest, id string) (face.Manifest, error) {
	for _, m := range all {
		if m.ID == id {
			return m, nil
		}
	}
	return face.Manifest{}, fmt.Errorf("no model is called %q", id)
}

// Read reads a model's file from dir and compares its SHA-256. A missing or
// altered file is eid.CodeModels: libraries trust what they load.
func Read(dir string, f face.File) ([]byte, error) {
	const op = "read model"
	file, err := os.Open(filepath.Join(dir, f.Name))
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, op, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err == nil {
		err = Check(f, data)
	}
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, op, err)
	}
	return data, nil
}

// Check compares data with f's SHA-256.
func Check(f face.File, data []byte) error {
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != f.SHA256 {
		return fmt.Errorf("%s has SHA-256 %s, want %s", f.Name, got, f.SHA256)
	}
	return nil
}

// Verify checks every file of m in dir; a fusion has none.
func Verify(dir string, m face.Manifest) error {
	for _, f := range m.Files {
		if _, err := Read(dir, f); err != nil {
			return err
		}
	}
	return nil
}

// Present tells whether every file of m lies in dir, unread.
func Present(dir string, m face.Manifest) bool {
	for _, f := range m.Files {
		if info, err := os.Stat(filepath.Join(dir, f.Name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}
