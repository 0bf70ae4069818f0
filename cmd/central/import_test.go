package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/sync/bundle"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire"
)

func TestOnlyTheRootPublishes(t *testing.T) {
	o := newOffice(t)
	data := o.path("central")
	if _, err := run(t, "publish", "--data", data, o.sign(o.root, "v1.cose", "1")); err == nil {
		t.Fatal("published without a root")
	}
	mustRun(t, "publish", "--data", data, "--root", filepath.Join(o.root, rootFile), o.path("v1.cose"))
	mustRun(t, "publish", "--data", data, o.sign(o.root, "v3.cose", "3"))
	thief := o.path("thief")
	mustRun(t, "root", "create", "--out", thief)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"older version":   {[]string{o.sign(o.root, "v2.cose", "2")}, string(eid.CodePublishedOlder)},
		"another root":    {[]string{o.sign(thief, "stolen.cose", "9")}, string(eid.CodePublished)},
		"exchanged root":  {[]string{"--root", filepath.Join(thief, rootFile), o.path("stolen.cose")}, "another root"},
		"nothing of ours": {[]string{o.path("device.pub.pem")}, string(eid.CodePublished)},
	} {
		out, err := run(t, append([]string{"publish", "--data", data}, tc.args...)...)
		if err == nil || !strings.Contains(string(out), tc.want) {
			t.Errorf("%s: %v, want %s in\n%s", name, err, tc.want, out)
		}
	}
	if _, err := run(t, "root", "create", "--out", o.root); err == nil {
		t.Error("a root key was replaced")
	}
}

// A desk that never was online: keys come by stick, requests go by stick.
func TestStick(t *testing.T) {
	o := newOffice(t)
	mustRun(t, "publish", "--data", o.path("central"), "--root", filepath.Join(o.root, rootFile), o.sign(o.root, "v1.cose", "1"))
	ours := o.store()
	first, err := os.ReadFile(o.path("v1.cose"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ours.Put(first, time.Now()); err != nil {
		t.Fatal(err)
	}
	q := o.queue(ours)
	for range 3 {
		o.enqueue(q)
	}
	stick := t.TempDir()
	o.export(q, stick)
	// What the root published meanwhile goes back with the receipts.
	mustRun(t, "publish", "--data", o.path("central"), o.sign(o.root, "v2.cose", "2"))
	if im := o.take(stick); im.Fresh != 3 || len(im.Codes) != 0 {
		t.Fatalf("import: %+v", im)
	}
	if im := o.take(stick); im.Fresh != 0 || im.Known != 3 || !slices.Contains(im.Codes, eid.CodeBundleReplayed) {
		t.Fatalf("import again: %+v", im)
	}
	found, err := bundle.FindResults(stick)
	if err != nil || len(found) != 2 {
		t.Fatalf("results %v, %v", found, err)
	}
	receipt, err := wire.LoadReceiptKey(o.path("desk", "receipt_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	x := bundle.Settle{Desk: "desk-1", ReceiptKey: receipt, Ledger: q, Published: ours, Now: time.Now}
	if done, err := x.Take(t.Context(), found[0]); err != nil || done.Received != 3 || !slices.Equal(done.Published, []string{published.KindSealKeys}) {
		t.Fatalf("settle: %+v, %v", done, err)
	}
	if done, err := x.Take(t.Context(), found[1]); err != nil || done.Known != 3 || !slices.Contains(done.Codes, eid.CodeBundleReplayed) {
		t.Fatalf("settle again: %+v, %v", done, err)
	}
	if left, err := q.Waiting(t.Context(), 10); err != nil || len(left) != 0 {
		t.Fatalf("%d requests left, %v", len(left), err)
	}
}

// The desk fetches over its own TLS identity; a revoked one gets nothing.
func TestDeskFetchesPublishedItems(t *testing.T) {
	s := newSite(t)
	root := s.path("root")
	mustRun(t, "root", "create", "--out", root)
	mustRun(t, "root", "sign", "--key", filepath.Join(root, "root_private.pem"), "--kind", "calendar", "--version", "1", "--out", s.path("c.cose"), "../../internal/procedure/data/vn.toml")
	mustRun(t, "publish", "--data", s.path("central"), "--root", filepath.Join(root, rootFile), s.path("c.cose"))
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.start() // a central learns of its root when it starts
	key, err := loadRoot(filepath.Join(root, rootFile))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := published.OpenStore(s.path("published"), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := wire.Files{CA: s.path("desk", "ca.pem"), Cert: s.path("desk", "cert.pem"), Key: s.path("desk", "key.pem")}.ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	client, err := published.NewClient("https://"+s.addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fresh, err := ours.Sync(t.Context(), client, time.Now())
	if err != nil || !slices.Equal(fresh, []string{published.KindCalendar}) {
		t.Fatalf("%v, %v", fresh, err)
	}
	// Beside the running central a new version counts at once.
	mustRun(t, "root", "sign", "--key", filepath.Join(root, "root_private.pem"), "--kind", "calendar", "--version", "2", "--out", s.path("c2.cose"), "../../internal/procedure/data/vn.toml")
	mustRun(t, "publish", "--data", s.path("central"), s.path("c2.cose"))
	if fresh, err = ours.Sync(t.Context(), client, time.Now()); err != nil || len(fresh) != 1 {
		t.Fatalf("second version: %v, %v", fresh, err)
	}
}
