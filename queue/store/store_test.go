package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
)

func schema(files ...string) Schema {
	m := fstest.MapFS{}
	for i, text := range files {
		m[fmt.Sprintf("%03d.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
	}
	return Schema{ApplicationID: 0x656e7274, Migrations: m}
}

const table = `CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT NOT NULL);`

func openTest(t *testing.T, path string, s Schema) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.Read.QueryRow(`SELECT count(*) FROM t`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c.db") // characters that a URI would misread
	db := openTest(t, path, schema(table))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("file mode: %v, %v", info, err)
	}
	err = db.Write(func(tx Tx) error {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1", "user_version": "1",
		} {
			var got string
			if err := tx.Row("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s = %s, %v, want %s", pragma, got, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Read.Exec(`INSERT INTO t VALUES (1, 'x')`); err == nil {
		t.Error("the reading side wrote")
	}
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	db := openTest(t, path, schema(table))
	if err := db.Write(func(tx Tx) error { _, err := tx.Exec(`INSERT INTO t VALUES (1, 'x')`); return err }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	newer := schema(table, `ALTER TABLE t ADD COLUMN w TEXT NOT NULL DEFAULT 'new';`)
	db = openTest(t, path, newer)
	var w string
	if err := db.Read.QueryRow(`SELECT w FROM t`).Scan(&w); err != nil || w != "new" {
		t.Fatalf("after migration: %q, %v", w, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, schema(table)); err == nil {
		t.Error("older software opened a newer file")
	}
	foreign := newer
	foreign.ApplicationID = 1
	if _, err := Open(t.Context(), path, foreign); err == nil {
		t.Error("another application opened the file")
	}
	bad := filepath.Join(t.TempDir(), "bad.db")
	if _, err := Open(t.Context(), bad, schema(table, `CREATE TABLE u (n); SYNTAX ERROR;`)); err == nil {
		t.Fatal("a broken migration was applied")
	}
	if n := count(t, openTest(t, bad, schema(table))); n != 0 {
		t.Fatalf("%d rows", n)
	}
}

func TestGroupCommitUndoesOnlyWhatFailed(t *testing.T) {
	db := openTest(t, filepath.Join(t.TempDir(), "t.db"), schema(table))
	broken := errors.New("broken")
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			err := db.Write(func(tx Tx) error {
				if _, err := tx.Exec(`INSERT INTO t VALUES (?, 'x')`, i); err != nil {
					return err
				}
				if i%3 == 0 {
					return broken
				}
				return nil
			})
			if i%3 == 0 != errors.Is(err, broken) {
				t.Errorf("write %d = %v", i, err)
			}
		})
	}
	all.Wait()
	if n := count(t, db); n != 40 {
		t.Fatalf("%d rows, want 40", n)
	}
	if err := db.Write(func(tx Tx) error { _, err := tx.Exec(`INSERT INTO t VALUES (1, NULL)`); return err }); err == nil {
		t.Fatal("a violated constraint was no error")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(func(Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Fatalf("Write after Close = %v", err)
	}
}

// A full database says so, loses nothing and goes on when there is space.
func TestFullThenSpace(t *testing.T) {
	db := openTest(t, filepath.Join(t.TempDir(), "t.db"), schema(table))
	limit := func(pages int) {
		t.Helper()
		if err := db.Write(func(tx Tx) error {
			var n int
			return tx.Row(fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
	}
	insert := func() error {
		return db.Write(func(tx Tx) error {
			_, err := tx.Exec(`INSERT INTO t (v) VALUES (?)`, string(make([]byte, 10_000)))
			return err
		})
	}
	if err := insert(); err != nil {
		t.Fatal(err)
	}
	limit(1)
	if err := insert(); !errors.Is(err, ErrFull) {
		t.Fatalf("insert into a full database = %v, want ErrFull", err)
	}
	limit(1000)
	if err := insert(); err != nil {
		t.Fatalf("insert after space came back = %v", err)
	}
	if n := count(t, db); n != 2 {
		t.Fatalf("%d rows, want 2", n)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"keep", "orphan"} {
		if err := WriteFile(dir, name, []byte("data")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, temporaryPrefix+"1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	removed, err := Sweep(dir, func(name string) bool { return name == "keep" })
	if err != nil || removed != 2 {
		t.Fatalf("Sweep = %d, %v, want 2", removed, err)
	}
	if data, err := ReadFile(dir, "keep", 4); err != nil || string(data) != "data" {
		t.Fatalf("ReadFile = %q, %v", data, err)
	}
	if _, err := ReadFile(dir, "keep", 3); err == nil {
		t.Fatal("a file over the limit was read")
	}
	if err := WriteFile(filepath.Join(dir, "missing"), "x", nil); err == nil {
		t.Fatal("a file was written into a missing folder")
	}
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil {
		t.Fatal("the folder was locked twice")
	}
	lock.Close()
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestNewFiles(t *testing.T) {
	dir := t.TempDir()
	content := map[string][]byte{"a": []byte("one"), "b": make([]byte, 100_000), "c": nil}
	set := func(dir string) *Files {
		s := NewFiles(dir)
		for name, data := range content {
			s.Add(name, data)
		}
		return s
	}
	for range 2 { // what an earlier try left is replaced
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a longer part of an earlier try"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := set(dir).Sync(); err != nil {
			t.Fatal(err)
		}
	}
	there := func(dir string) {
		t.Helper()
		for name, want := range content {
			data, err := ReadFile(dir, name, 1<<20)
			if err != nil || string(data) != string(want) {
				t.Fatalf("%s: %d bytes, %v", name, len(data), err)
			}
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("%s: %v, %v", name, info, err)
			}
		}
	}
	there(dir)

	late := filepath.Join(t.TempDir(), "missing")
	s := set(late)
	if err := s.Sync(); err == nil {
		t.Fatal("files were made in a missing folder")
	}
	if err := os.Mkdir(late, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil { // written anew
		t.Fatal(err)
	}
	there(late)

	for range 2 { // on the disk; then being written
		if err := s.Remove(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(late); err != nil || len(left) != 0 {
			t.Fatalf("%d files left, %v", len(left), err)
		}
		s = set(late)
	}
	s.Abandon()
}
