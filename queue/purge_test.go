package queue

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/internal/station"
)

// contains says whether any file below dir holds any piece of data.
func contains(t *testing.T, dir string, data []byte) (where string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		have, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for at := 0; at+32 <= len(data); at += 512 {
			if bytes.Contains(have, data[at:at+32]) {
				where = path
			}
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Fatalf("searched %d files: %v", files, err)
	}
	return where
}

// After the receipt nothing of the sealed bytes is left in the folder, and
// nothing of the visit's steps, though they went through the database's log.
func TestNothingIsLeftAfterThePurge(t *testing.T) {
	for where, size := range map[string]int{"a row": 3000, "a file": 100 << 10} {
		t.Run(where, func(t *testing.T) { nothingIsLeft(t, newRequest(size)) })
	}
}

func nothingIsLeft(t *testing.T, r station.Request) {
	d := openDesk(t)
	ctx := t.Context()
	var steps [][]byte
	for range 3 {
		if err := d.Journal().Append(ctx, r.ID, "step", bytes.Repeat([]byte("x"), 20<<10)); err != nil {
			t.Fatal(err)
		}
	}
	_, rows, err := d.journal.rows(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range rows {
		steps = append(steps, s.Sealed)
		if contains(t, d.dir, s.Sealed) == "" {
			t.Fatal("a step is not found while it is there: the search proves nothing")
		}
	}
	if _, err := d.Enqueue(ctx, r); err != nil {
		t.Fatal(err)
	}
	sealed, err := d.Payload(ctx, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if contains(t, d.dir, sealed) == "" {
		t.Fatal("the payload is not found while it is there: the search proves nothing")
	}
	if err := d.Received(ctx, d.statement(t, r.ID)); err != nil {
		t.Fatal(err)
	}
	if err := d.Tidy(); err != nil { // as happens by itself a little later
		t.Fatal(err)
	}
	if where := contains(t, d.dir, sealed); where != "" {
		t.Errorf("sealed bytes are still in %s", where)
	}
	for _, s := range steps {
		if where := contains(t, d.dir, s); where != "" {
			t.Errorf("a step is still in %s", where)
		}
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(d.dir, databaseName))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if n := size(); n > 120<<10 {
		t.Errorf("the database has %d bytes: free pages were not given back", n)
	}
}

func TestExportMovesToAnotherMachine(t *testing.T) {
	d := filled(t)
	dir := filepath.Join(t.TempDir(), "export")
	if err := d.Export(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	head, err := d.Log(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.List(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	searchMarker(t, dir)

	other := openDesk(t)
	other.key, other.central = d.key, d.central
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	other.dir = filepath.Join(t.TempDir(), "data")
	got, err := Import(t.Context(), other.dir, dir)
	if err != nil || got.Size != head.Size || !bytes.Equal(got.Root, head.Root) {
		t.Fatalf("Import = %+v, %v, want %+v", got, err, head)
	}
	if _, err := Import(t.Context(), other.dir, dir); err == nil {
		t.Fatal("imported twice")
	}
	other.counter = &ticks{value: 7}
	other.open(t)
	rows, err := other.List(t.Context(), 100)
	if err != nil || len(rows) != len(want) {
		t.Fatalf("%d rows, %v, want %d", len(rows), err, len(want))
	}
	for i, r := range rows {
		if r.ID != want[i].ID || r.State != want[i].State || r.Receipt != want[i].Receipt {
			t.Errorf("row %+v, want %+v", r, want[i])
		}
	}
	if report := verify(t, other.dir); len(report.Findings) != 0 || report.Payloads != 4 || len(report.Notes) != 2 {
		t.Fatalf("report %+v", report)
	}
	if queued, err := other.Enqueue(t.Context(), newRequest(10)); err != nil || queued.Seq != int64(len(want))+1 {
		t.Fatalf("Enqueue = %+v, %v", queued, err)
	}
}

func TestDamagedExportIsRefused(t *testing.T) {
	d := filled(t)
	dir := filepath.Join(t.TempDir(), "export")
	if err := d.Export(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	payload, err := filepath.Glob(filepath.Join(dir, payloadFolder, "*"))
	if err != nil || len(payload) != 4 {
		t.Fatalf("%d payloads, %v", len(payload), err)
	}
	for name, spoil := range map[string]func(data []byte) []byte{
		filepath.Join(dir, rowsFile):  func(b []byte) []byte { return bytes.Replace(b, []byte(`"granted"`), []byte(`"rejected"`), 1) },
		filepath.Join(dir, auditFile): func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] },
		filepath.Join(dir, deskFile): func(b []byte) []byte {
			return bytes.Replace(b, []byte(exportFormat), []byte("enrold-queue-export-9"), 1)
		},
		payload[0]: func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			good, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, spoil(bytes.Clone(good)), 0o600); err != nil {
				t.Fatal(err)
			}
			defer os.WriteFile(name, good, 0o600)
			to := filepath.Join(t.TempDir(), "data")
			if _, err := Import(t.Context(), to, dir); err == nil {
				t.Fatal("taken")
			}
			if report := verify(t, to); report.Requests != 0 || report.Entries != 0 {
				t.Fatalf("a refused import left %+v", report)
			}
		})
	}
}
