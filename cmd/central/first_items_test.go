package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// TestDesksGetRootAndSealKeys: by the answer to a request, and by enrol-desk.
func TestDesksGetRootAndSealKeys(t *testing.T) {
	o := newOffice(t)
	register := registrar{t, o.path("central")}
	file, err := enrolment.Make("desk-7", newKey(t), o.device, nil)
	path := register.write("request", file, err)
	r, err := enrolment.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	answer := o.path("answer")
	given := func(verb string) enrolment.Answer {
		register.run("", "desk", verb, path, "-o", answer, "--fingerprint", r.Fingerprint(), "--allow-software")
		text, err := os.ReadFile(answer)
		if err != nil {
			t.Fatal(err)
		}
		a, err := enrolment.ParseAnswer(text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := given("approve"); len(a.Root) != 0 || len(a.SealKeys) != 0 || len(a.SealKey) == 0 {
		t.Fatalf("a central without a root gives root %q and %d bytes of seal keys", a.Root, len(a.SealKeys))
	}
	mustRun(t, "publish", "--data", o.path("central"), "--root", filepath.Join(o.root, rootFile), o.sign(o.root, "v1.cose", "1"))
	a := given("renew")
	root, err := request.ParsePublicKey(a.Root)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := loadRoot(filepath.Join(o.root, rootFile))
	if err != nil || !ours.Equal(root) {
		t.Fatalf("the answer's root is another one: %v", err)
	}
	if i, err := published.Verify(root, a.SealKeys); err != nil || i.Kind != published.KindSealKeys || i.Version != 1 {
		t.Fatalf("seal keys: %+v, %v", i, err)
	}

	mustRun(t, "enrol-desk", "--data", o.path("central"), "--desk", "desk-8", "--device-key", o.path("device.pub.pem"), "--out", o.path("desk-8"))
	if root, err = loadRoot(o.path("desk-8", rootFile)); err != nil || !ours.Equal(root) {
		t.Fatalf("enrol-desk's root: %v", err)
	}
	list, err := os.ReadFile(o.path("desk-8", firstSealKeys))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := published.Verify(root, list); err != nil {
		t.Fatal(err)
	}
}
