package intake_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/upload"
)

// TestOldUploadsGoAtTheStart: a week after the last byte; younger ones stay.
func TestOldUploadsGoAtTheStart(t *testing.T) {
	c := newCentre(t, grant)
	c.stop()
	dir := filepath.Join(c.dir, "upload")
	parts, err := upload.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	const size = 1000
	old, young, empty := "old", "young", "empty"
	for _, id := range []string{old, young, empty} {
		if err := parts.Create(t.Context(), deskID, id, size, request.Hash([]byte(id))); err != nil {
			t.Fatal(err)
		}
		if id == empty {
			continue
		}
		if _, err := parts.Append(t.Context(), deskID, id, 0, []byte("begun")); err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	for pattern, age := range map[string]time.Duration{old + ".part": 8 * day, young + ".part": 6 * day, empty + ".json": 8 * day, young + ".json": 30 * day} {
		found, err := filepath.Glob(filepath.Join(dir, "*", pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(found[0], at, at); err != nil {
			t.Fatal(err)
		}
	}
	c.start(t)
	for id, want := range map[string]error{old: upload.ErrUnknown, empty: upload.ErrUnknown, young: nil} {
		offset, _, err := parts.Offset(t.Context(), deskID, id)
		if !errors.Is(err, want) || want == nil && offset != 5 {
			t.Errorf("%s: offset %d, %v, want %v", id, offset, err, want)
		}
	}
}
