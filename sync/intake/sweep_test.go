package intake_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/upload"
	"github.com/enrold/enrold/sync/wire"
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

// TestNoUploadOutlivesItsRequest: an upload is opened for what is announced; when
// the request comes as a whole, or its receipt was given and dropping the upload
// was not done before the central died, it goes: a desk has only so many.
func TestNoUploadOutlivesItsRequest(t *testing.T) {
	c := newCentre(t, grant)
	parts, err := upload.OpenFolder(filepath.Join(c.dir, "upload"))
	if err != nil {
		t.Fatal(err)
	}
	id, data := c.sealed(t, 1, nil)
	announce := func() wire.SyncAnswer {
		t.Helper()
		s := wire.Sync{Requests: []wire.Announcement{{ID: id, Hash: request.Hash(data), Size: int64(len(data)), Due: "2026-12-01"}}}
		body, err := wire.EncodeSync(s)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.server.URL+wire.AnnouncePath, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, answer := c.do(t, c.client, req)
		a, err := wire.ReadSyncAnswer(bytes.NewReader(answer), s)
		if status != http.StatusOK || err != nil {
			t.Fatalf("announce = %d, %v", status, err)
		}
		return a
	}
	open := func() bool {
		_, _, err := parts.Offset(t.Context(), deskID, id)
		return !errors.Is(err, upload.ErrUnknown)
	}
	if a := announce(); a.Requests[0].State != wire.PresenceAnnounced || !open() {
		t.Fatalf("announced: %+v, upload open: %v", a.Requests[0], open())
	}
	if status, body := c.put(t, c.client, id, data, wire.Digest(data)); status != http.StatusCreated || open() {
		t.Fatalf("PUT = %d %s, upload open: %v", status, body, open())
	}
	if err := parts.Create(t.Context(), deskID, id, int64(len(data)), request.Hash(data)); err != nil {
		t.Fatal(err)
	}
	if a := announce(); a.Requests[0].State != wire.PresenceReceived || open() {
		t.Fatalf("announced again: %+v, upload open: %v", a.Requests[0], open())
	}
}
