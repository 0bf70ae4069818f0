package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/hw/emu/swtpm"
	"github.com/enrold/enrold/internal/inspect"
	"github.com/enrold/enrold/queue/request"
)

// TestOfficerCMS: with officer_cms the officer's token signs the same bytes once
// more as detached CMS. `enrold verify` checks it, and so does OpenSSL, from what
// `enrold verify --extract` gives; other bytes it refuses.
func TestOfficerCMS(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil || !swtpm.Installed() || softtoken.Module() == "" {
		if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
			t.Fatal("openssl, swtpm or SoftHSM is missing: run `make setup`")
		}
		t.Skip("openssl, swtpm or SoftHSM is missing: run `make setup`")
	}
	p := Persona{Person: 2}
	d, _ := startDesk(t, Options{Hardware: true, OfficerCMS: true, Offline: true}, p)
	for _, s := range steps(t, d, p) {
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	sealed, out := sealedRequest(t, d.cfg.Desk.Data), t.TempDir()
	verify := exec.CommandContext(t.Context(), filepath.Join(binDir, "enrold"), "verify", sealed, "--json", "--extract", out,
		"--key", filepath.Join(d.opts.Dir, "central", "keys", "seal_private"), "--officer", d.officerCertificate(), "--roots", d.officerRoot())
	text, err := verify.Output()
	if err != nil {
		t.Fatalf("enrold verify: %v\n%s", err, text)
	}
	var report inspect.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	proved := map[string]inspect.State{}
	for _, c := range report.Checks {
		proved[c.Name] = c.State
	}
	if proved["officer CMS"] != inspect.OK || proved["officer signature"] != inspect.OK {
		t.Errorf("enrold verify: %+v", report.Checks)
	}
	body, cms := filepath.Join(out, "body.cbor"), filepath.Join(out, "officer.p7s")
	check := func(content string) ([]byte, error) {
		return exec.CommandContext(t.Context(), openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", cms, "-content", content,
			"-CAfile", d.officerRoot(), "-purpose", "any", "-out", filepath.Join(out, "verified")).CombinedOutput()
	}
	if said, err := check(body); err != nil || !bytes.Contains(said, []byte("successful")) {
		t.Fatalf("openssl cms -verify: %v\n%s", err, said)
	}
	signed, err := os.ReadFile(body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := request.Decode(signed)
	if err != nil || b.Request.Officer != d.cfg.Desk.Officer {
		t.Fatalf("what was extracted is no body: %v", err)
	}
	signed[len(signed)/2] ^= 1
	if err := os.WriteFile(body, signed, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := check(body); err == nil {
		t.Errorf("OpenSSL takes other bytes: %s", said)
	}
}

// sealedRequest finds the one sealed request in a desk's folder.
func sealedRequest(t *testing.T, dir string) (path string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		if err == nil && bytes.HasPrefix(b, []byte("ENRS")) {
			if path != "" {
				return errors.New("more than one sealed request")
			}
			path = p
		}
		return err
	})
	if err != nil || path == "" {
		t.Fatalf("find the sealed request: %q, %v", path, err)
	}
	return path
}
