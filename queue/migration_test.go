package queue

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

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
		{
			`INSERT INTO request VALUES (2, ?, 'sealed', ?, ?, ?, 2000, '2026-11-20', 0, 3, 'N-OFFLINE-PENDING', '', NULL, NULL, 0)`,
			[]any{ids[1], request.Hash(sealed), len(sealed), ids[1]},
		},
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

// thirdVersion makes a folder as version 3 left it: the hashes of the log's tree in
// a table of their own.
func thirdVersion(t *testing.T, dir string, requests int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, payloadFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	for _, name := range []string{"001_queue", "002_audit", "003_payload"} {
		text, err := migrations.ReadFile("migrations/" + name + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		exec(string(text))
	}
	exec("PRAGMA application_id = 0x656e7271; PRAGMA user_version = 3;")
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(places []int64) (list []tlog.Hash, err error) {
		for _, p := range places {
			list = append(list, stored[p])
		}
		return list, nil
	})
	previous := make([]byte, tlog.HashSize)
	for n := range int64(requests) {
		sealed := fmt.Appendf(nil, "sealed bytes %d", n)
		r := record{Seq: n + 1, ID: newRequest(0).ID, State: Sealed, BodyHash: request.Hash(sealed), SealedBytes: int64(len(sealed)), Payload: inRow, QueuedAt: 1000, DueAt: "2026-11-20"}
		values, hash, err := r.values()
		if err != nil {
			t.Fatal(err)
		}
		exec(`INSERT INTO request VALUES (?`+strings.Repeat(", ?", len(values)-1)+`)`, values...)
		exec(`INSERT INTO payload VALUES (?, ?)`, r.Seq, sealed)
		e := Entry{Number: n, At: 1000, Boot: []byte{}, Kind: "sealed", Request: r.ID, RowHash: hash, Previous: previous}
		leaf, err := e.leaf()
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		exec(`INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, e.Number, e.At, e.Boot, e.Elapsed, e.Kind, e.Request, e.RowHash, e.Details, e.Previous)
		for i, h := range hashes {
			exec(`INSERT INTO audit_tree VALUES (?, ?)`, len(stored)+i, h[:])
		}
		stored, previous = append(stored, hashes...), leaf[:]
	}
}

// A folder of version 3 keeps its requests and its log, of any length, and the log
// goes on. What was altered before is found after.
func TestThirdVersionIsMigrated(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 8, 21} {
		d := openDesk(t)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d.dir = filepath.Join(t.TempDir(), "data")
		thirdVersion(t, d.dir, n)
		d.open(t)
		d.mustEnqueue(t)
		d.mustEnqueue(t)
		if got := verify(t, d.dir); len(got.Findings) != 0 || got.Requests != n+2 || got.Entries < int64(n+2) || got.Payloads != n+2 {
			t.Fatalf("%d requests: report %+v", n, got)
		}
	}
	d := openDesk(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.dir = filepath.Join(t.TempDir(), "data")
	thirdVersion(t, d.dir, 21)
	db, err := sql.Open("sqlite", filepath.Join(d.dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DROP TRIGGER audit_tree_fixed; UPDATE audit_tree SET hash = zeroblob(32) WHERE place = 6;
		CREATE TRIGGER audit_tree_fixed BEFORE UPDATE ON audit_tree BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d.open(t)
	if got := verify(t, d.dir); len(got.Findings) != 1 || got.Findings[0].Where != "tree" {
		t.Fatalf("an altered tree: report %+v", got)
	}
}
