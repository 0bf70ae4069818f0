package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/sync/published"
)

// signKeys has the root sign a list of these public keys, and publishes it.
func (o *office) signKeys(name, version string, files ...string) string {
	o.t.Helper()
	out := o.path(name)
	mustRun(o.t, append([]string{"root", "sign", "--key", filepath.Join(o.root, "root_private.pem"), "--kind", "seal_keys", "--version", version, "--out", out}, files...)...)
	return out
}

func (o *office) sealKeys() (all []sealKeyLine) {
	o.t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(mustRun(o.t, "seal-key", "list", "--data", o.path("central"), "--json"))))
	for dec.More() {
		var k sealKeyLine
		if err := dec.Decode(&k); err != nil {
			o.t.Fatal(err)
		}
		all = append(all, k)
	}
	return all
}

// put gives the desk a signed item, as a stick or the network would.
func (o *office) put(s *published.Store, path string) error {
	o.t.Helper()
	message, err := os.ReadFile(path)
	if err != nil {
		o.t.Fatal(err)
	}
	_, _, err = s.Put(message, time.Now())
	return err
}

// TestSealKeyRotates: the old key, both, then the new one; every request is
// opened and decided, by a central that ran all the while and by one that did not.
func TestSealKeyRotates(t *testing.T) {
	o := newOffice(t)
	data := o.path("central")
	v1 := o.sign(o.root, "v1.cose", "1")
	mustRun(t, "publish", "--data", data, "--root", filepath.Join(o.root, rootFile), v1)
	ours := o.store()
	if err := o.put(ours, v1); err != nil {
		t.Fatal(err)
	}
	q := o.queue(ours)
	o.enqueue(q) // sealed to the first key alone
	if k := o.sealKeys(); len(k) != 1 || !k[0].Published || !k[0].Replaced.IsZero() {
		t.Fatalf("keys before: %+v", k)
	}
	if out := string(mustRun(t, "seal-key", "rotate", "--data", data)); !strings.Contains(out, o.sealKeys()[0].ID) {
		t.Fatalf("rotate says %s", out)
	}
	keys := o.sealKeys()
	if len(keys) != 2 || keys[0].Published || !keys[1].Published || keys[1].Replaced.IsZero() {
		t.Fatalf("keys after: %+v", keys)
	}
	v2 := o.signKeys("v2.cose", "2", keys[0].File, keys[1].File)
	mustRun(t, "publish", "--data", data, v2)
	if err := o.put(ours, v2); err != nil {
		t.Fatal(err)
	}
	if r, err := ours.Recipients(time.Now(), published.DefaultSealPolicy()); err != nil || len(r.Keys) != 2 {
		t.Fatalf("recipients %+v, %v", r, err)
	}
	o.enqueue(q) // sealed to both
	v3 := o.signKeys("v3.cose", "3", keys[0].File)
	mustRun(t, "publish", "--data", data, v3)
	if err := o.put(ours, v3); err != nil {
		t.Fatal(err)
	}
	o.enqueue(q) // sealed to the second key alone
	stick := t.TempDir()
	o.export(q, stick)
	if im := o.take(stick); im.Fresh != 3 || len(im.Codes) != 0 {
		t.Fatalf("import: %+v", im)
	}
	o.serve()
	o.granted(3)
	if err := o.put(ours, v2); eid.CodeOf(err) != eid.CodePublishedOlder {
		t.Fatalf("the older list came back: %v", err)
	}
}

// TestSealKeyRetires: not while the list names it, not while a desk may still seal
// to it, not while a request under it is undecided; then it opens nothing, and
// comes back on demand.
func TestSealKeyRetires(t *testing.T) {
	o := newOffice(t)
	data := o.path("central")
	v1 := o.sign(o.root, "v1.cose", "1")
	old := o.sealKeys()[0]
	refused := func(want string, flags ...string) {
		t.Helper()
		out, err := run(t, append([]string{"seal-key", "retire", old.ID, "--data", data}, flags...)...)
		if err == nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v, want %q in\n%s", err, want, out)
		}
	}
	refused("no list of seal keys is published")
	mustRun(t, "publish", "--data", data, "--root", filepath.Join(o.root, rootFile), v1)
	refused("names the key")
	ours := o.store()
	if err := o.put(ours, v1); err != nil {
		t.Fatal(err)
	}
	q := o.queue(ours)
	o.enqueue(q) // sealed to the old key alone
	mustRun(t, "seal-key", "rotate", "--data", data)
	v2 := o.signKeys("v2.cose", "2", o.sealKeys()[0].File)
	mustRun(t, "publish", "--data", data, v2)
	refused("may still seal to the key until")
	stick := t.TempDir()
	o.export(q, stick)
	if im := o.take(stick); im.Fresh != 1 {
		t.Fatalf("import: %+v", im)
	}
	refused("1 request(s) that are not decided yet", "--wait-days", "0")
	o.serve()
	o.granted(1)
	out := string(mustRun(t, "seal-key", "retire", old.ID, "--data", data, "--wait-days", "0"))
	if !strings.Contains(out, "seal_retired") || len(o.sealKeys()) != 1 {
		t.Fatalf("keys %+v after\n%s", o.sealKeys(), out)
	}
	refused("no such key", "--wait-days", "0")
	mustRun(t, "seal-key", "restore", old.ID, "--data", data)
	if k := o.sealKeys(); len(k) != 2 || k[1].ID != old.ID {
		t.Fatalf("keys %+v", k)
	}
}

// TestPublishRefusesSealKeysOfOthers: also the root may sign the wrong file.
func TestPublishRefusesSealKeysOfOthers(t *testing.T) {
	o := newOffice(t)
	mustRun(t, "publish", "--data", o.path("central"), "--root", filepath.Join(o.root, rootFile), o.sign(o.root, "v1.cose", "1"))
	mustRun(t, "init", "--data", o.path("other"))
	wrong := o.signKeys("wrong.cose", "2", o.path("central", "keys", "seal_key"), o.path("other", "keys", "seal_key"))
	out, err := run(t, "publish", "--data", o.path("central"), wrong)
	if err == nil || !strings.Contains(string(out), "key 2 of the list is none of this central's") {
		t.Fatalf("%v\n%s", err, out)
	}
}
