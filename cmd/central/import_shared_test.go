package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/sync/intake/pgtest"
)

// TestImportBesideServe: on PostgreSQL a stick is taken in while a central
// serves, which decides what came. Both have the payload folder in common.
func TestImportBesideServe(t *testing.T) {
	pg, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("ENROLD_REQUIRE_E2E") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	o := newOffice(t, "--store", pg.URL)
	v1 := o.sign(o.root, "v1.cose", "1")
	mustRun(t, "publish", "--data", o.path("central"), "--root", filepath.Join(o.root, rootFile), v1)
	ours := o.store()
	if err := o.put(ours, v1); err != nil {
		t.Fatal(err)
	}
	q := o.queue(ours)
	for range 3 {
		o.enqueue(q)
	}
	stick := t.TempDir()
	o.export(q, stick)
	stores := []string{"--store", pg.URL, "--payloads", o.path("payloads")}
	end := o.serve(stores...)
	if im := o.take(stick, stores...); im.Fresh != 3 || len(im.Codes) != 0 {
		t.Fatalf("import: %+v", im)
	}
	o.granted(3, "--store", pg.URL)
	if im := o.take(stick, stores...); im.Fresh != 0 || im.Known != 3 {
		t.Fatalf("import again: %+v", im)
	}
	o.granted(3, "--store", pg.URL)
	end()
	if names, err := filepath.Glob(o.path("payloads", "*")); err != nil || len(names) != 3 {
		t.Fatalf("%d payloads, %v", len(names), err)
	}
}

// TestImportKeepsOffAServingFolder: with the embedded store one process at a time.
func TestImportKeepsOffAServingFolder(t *testing.T) {
	o := newOffice(t)
	o.serve()
	if out, err := run(t, "import", "--data", o.path("central"), t.TempDir()); err == nil {
		t.Fatalf("imported beside serve:\n%s", out)
	}
}
