package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// registrar is a central that is run by its commands alone.
type registrar struct {
	t    *testing.T
	data string
}

// run runs a command, and wants it to end well or with want in its error.
func (o registrar) run(want string, args ...string) string {
	o.t.Helper()
	if len(args) < 2 || args[1] != "request" { // that one only reads a file
		args = append(args, "--data", o.data)
	}
	cmd := central(args...)
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	err := cmd.Run()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(failure.String(), want)) {
		o.t.Fatalf("central %s: %v, want %q\n%s%s", strings.Join(args, " "), err, want, out.String(), failure.String())
	}
	return out.String()
}

func (o registrar) desks() (all []deskLine) {
	o.t.Helper()
	dec := json.NewDecoder(strings.NewReader(o.run("", "desk", "list", "--json")))
	for dec.More() {
		var d deskLine
		if err := dec.Decode(&d); err != nil {
			o.t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (o registrar) write(name string, data []byte, err error) string {
	o.t.Helper()
	path := filepath.Join(o.t.TempDir(), name)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return path
}

func TestDeskEnrolment(t *testing.T) {
	o := registrar{t, filepath.Join(t.TempDir(), "central")}
	o.run("", "init")
	device, err := request.LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	tlsKey := newKey(t)
	file, err := enrolment.Make("desk-7", tlsKey, device, nil)
	path := o.write("request", file, err)
	r, err := enrolment.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	if out := o.run("", "desk", "request", path); !strings.Contains(out, r.Fingerprint()) {
		t.Fatalf("desk request shows %s", out)
	}
	answer := filepath.Join(t.TempDir(), "answer")
	o.run("is another one", "desk", "approve", path, "-o", answer, "--fingerprint", "0000", "--allow-software")
	o.run("device key is a file", "desk", "approve", path, "-o", answer, "--fingerprint", r.Fingerprint())
	o.run("unknown or revoked", "desk", "renew", path, "-o", answer, "--fingerprint", r.Fingerprint(), "--allow-software")
	if _, err := os.Stat(answer); err == nil || len(o.desks()) != 0 {
		t.Fatal("a refused request left an answer or a desk")
	}
	o.run("", "desk", "approve", path, "-o", answer, "--fingerprint", r.Fingerprint(), "--allow-software")
	text, err := os.ReadFile(answer)
	if err != nil {
		t.Fatal(err)
	}
	a, err := enrolment.ParseAnswer(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Check("desk-7", tlsKey.Public(), time.Now()); err != nil {
		t.Fatal(err)
	}
	o.run("the desk is known", "desk", "approve", path, "-o", answer, "--fingerprint", r.Fingerprint(), "--allow-software")
	o.run("", "desk", "renew", path, "-o", answer, "--fingerprint", r.Fingerprint(), "--allow-software")

	// An officer's key, for which the device vouches.
	officer, err := request.LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "officer.pem"))
	if err != nil {
		t.Fatal(err)
	}
	file, err = enrolment.MakeOfficer("desk-7", "officer-1", officer, device)
	path2 := o.write("officer", file, err)
	or, err := enrolment.VerifyOfficer(file, device.Public())
	if err != nil {
		t.Fatal(err)
	}
	o.run("", "officer", "approve", path2) // only shows it
	if d := o.desks(); len(d) != 1 || len(d[0].Officers) != 0 || len(d[0].Devices) != 1 || d[0].CertificateUntil.Before(time.Now().AddDate(1, 0, 0)) {
		t.Fatalf("desks = %+v", d)
	}
	o.run("", "officer", "approve", path2, "--fingerprint", or.Fingerprint(), "--allow-software")
	o.run("", "officer", "revoke", o.desks()[0].Officers[0].KeyID)

	o.run("", "desk", "revoke", "desk-7")
	d := o.desks()
	if !d[0].Revoked || !d[0].Devices[0].Revoked || !d[0].Officers[0].Revoked || d[0].Officers[0].Officer != "officer-1" {
		t.Fatalf("after revocation: %+v", d)
	}
	// A key that was revoked does not come back.
	o.run("was revoked", "desk", "approve", path, "-o", answer, "--fingerprint", r.Fingerprint(), "--allow-software")
	o.run("unknown", "desk", "revoke", "desk-8")
	if out := o.run("", "status"); !strings.Contains(out, `"states":{}`) {
		t.Fatalf("status = %s", out)
	}
}
