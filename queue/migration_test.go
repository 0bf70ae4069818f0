package queue

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/queue/request"
)

// A folder of the first version keeps its requests, gets hashes and a log.
func TestFirstVersionIsMigrated(t *testing.T) {
	d := openDesk(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.dir = filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(filepath.Join(d.dir, payloadFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	first, err := migrations.ReadFile("migrations/001_queue.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(d.dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	sealed, ids := []byte("sealed bytes of old"), []string{newRequest(0).ID, newRequest(0).ID}
	if err := os.WriteFile(filepath.Join(d.dir, payloadFolder, ids[1]), sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		query string
		args  []any
	}{
		{string(first) + "PRAGMA application_id = 0x656e7271; PRAGMA user_version = 1;", nil},
		{`INSERT INTO request VALUES (1, ?, 'granted', ?, 9, '', 1000, '2026-11-20', 0, 1, '', '', x'01', x'02', 5)`, []any{ids[0], bytes.Repeat([]byte{7}, 32)}},
		{`INSERT INTO request VALUES (2, ?, 'sealed', ?, ?, ?, 2000, '2026-11-20', 0, 3, 'N-OFFLINE-PENDING', '', NULL, NULL, 0)`,
			[]any{ids[1], request.Hash(sealed), len(sealed), ids[1]}},
		{`INSERT INTO visit_journal VALUES (?, 1, x'00')`, []any{newRequest(0).ID}},
	} {
		if _, err := db.Exec(s.query, s.args...); err != nil {
			t.Fatalf("%s: %v", s.query, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(t.Context(), d.dir, nil); err == nil {
		t.Fatal("a reader took an old version")
	}
	d.open(t)
	rows, err := d.List(t.Context(), 10)
	if err != nil || len(rows) != 2 || rows[1].State != Granted || !rows[1].Receipt || rows[0].Attempts != 3 {
		t.Fatalf("List = %+v, %v", rows, err)
	}
	if got, err := d.Payload(t.Context(), ids[1]); err != nil || !bytes.Equal(got, sealed) {
		t.Fatalf("Payload = %q, %v", got, err)
	}
	if queued, err := d.Enqueue(t.Context(), newRequest(10)); err != nil || queued.Seq != 3 {
		t.Fatalf("Enqueue = %+v, %v", queued, err)
	}
	if got := verify(t, d.dir); len(got.Findings) != 0 || got.Requests != 3 || got.Entries != 3 {
		t.Fatalf("report %+v", got)
	}
}
