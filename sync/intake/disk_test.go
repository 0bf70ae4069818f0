package intake_test

import (
	"bytes"
	"io"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet swallows the TLS server's complaints about refused clients.
var quiet = log.New(io.Discard, "", 0)

func keys(m map[string]bool) []string { return slices.Collect(maps.Keys(m)) }

func payloads(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "payload", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// searchMarker fails when any file of the central holds the person's marker.
func searchMarker(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		if bytes.Contains(data, []byte("MARKERPERSON")) {
			t.Errorf("%s holds personal data", filepath.Base(path))
		}
		return err
	})
	if err != nil || files < 5 {
		t.Fatalf("searched %d files: %v", files, err)
	}
}
