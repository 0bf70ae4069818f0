package queue

import (
	"os"
	"path/filepath"
	"testing"
)

// An export may come from anywhere: whatever its lines say, Import does not
// panic, and what it takes is a queue in which Verify finds nothing.
func FuzzImport(f *testing.F) {
	d := openDesk(f)
	for range 2 {
		if _, err := d.Enqueue(f.Context(), newRequest(10)); err != nil {
			f.Fatal(err)
		}
	}
	good := filepath.Join(f.TempDir(), "export")
	if err := d.Export(f.Context(), good); err != nil {
		f.Fatal(err)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(good, name))
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	f.Add(read(deskFile), read(rowsFile), read(auditFile))
	f.Add([]byte(`{"format":"enrold-queue-export-1","requests":0,"log":{"size":0,"root":""}}`), []byte{}, []byte{})
	f.Add([]byte(`{"format":"enrold-queue-export-1","counter":-1}`), []byte("null\n{}\n"), []byte("null\n[]\n"))
	f.Add(read(deskFile), []byte(`{"seq":1,"id":"../x","payload":"../x"}`), []byte(`{"number":-5}`))
	f.Fuzz(func(t *testing.T, desk, rows, audit []byte) {
		from := t.TempDir()
		if err := os.CopyFS(filepath.Join(from, payloadFolder), os.DirFS(filepath.Join(good, payloadFolder))); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{deskFile: desk, rowsFile: rows, auditFile: audit} {
			if err := os.WriteFile(filepath.Join(from, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		to := filepath.Join(t.TempDir(), "data")
		if _, err := Import(t.Context(), to, from); err != nil {
			return
		}
		r, err := OpenReader(t.Context(), to, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if report, err := r.Verify(t.Context(), Verification{}); err != nil || len(report.Findings) != 0 {
			t.Fatalf("taken, but %+v, %v", report, err)
		}
	})
}
