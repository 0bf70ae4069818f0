package request

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOfficerCMS has the officer's CMS signature checked by OpenSSL, over the
// same bytes that the COSE signatures are over.
func TestOfficerCMS(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	device, officer := vectorKey(t, "device"), elsewhere{ecKey(t, elliptic.P256()), KeyToken, ES256}
	certificate := certify(t, officer, "officer-1")
	signed := signedBy(t, Signers{Device: device, Officer: officer, Certificate: certificate})
	_, by, err := Verify(known(device, officer), "desk-1", signed)
	if err != nil || len(by.CMS) == 0 {
		t.Fatalf("CMS of %d bytes, %v", len(by.CMS), err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	cms := write("officer.p7s", by.CMS)
	verify := func(content string) ([]byte, error) {
		return exec.CommandContext(t.Context(), openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", cms,
			"-content", content, "-CAfile", ca, "-purpose", "any", "-out", filepath.Join(dir, "out")).CombinedOutput()
	}
	if out, err := verify(write("body.cbor", by.Signed)); err != nil || !bytes.Contains(out, []byte("successful")) {
		t.Fatalf("openssl cms -verify: %v\n%s", err, out)
	}
	back, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil || !bytes.Equal(back, by.Signed) {
		t.Errorf("openssl verified other bytes: %v", err)
	}
	altered := bytes.Clone(by.Signed)
	altered[len(altered)/2] ^= 1
	if out, err := verify(write("altered.cbor", altered)); err == nil {
		t.Errorf("openssl verified an altered body:\n%s", out)
	}

	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	if c, err := VerifyCMS(by.CMS, by.Signed, roots); err != nil || !c.Equal(certificate) {
		t.Errorf("VerifyCMS: %v", err)
	}
	strangers := x509.NewCertPool()
	strangers.AddCert(certify(t, ecKey(t, elliptic.P256()), "stranger"))
	for name, run := range map[string]func() error{
		"altered body": func() error { _, err := VerifyCMS(by.CMS, altered, roots); return err },
		"strange root": func() error { _, err := VerifyCMS(by.CMS, by.Signed, strangers); return err },
		"cut":          func() error { _, err := VerifyCMS(by.CMS[:len(by.CMS)-1], by.Signed, roots); return err },
		"bytes after":  func() error { _, err := VerifyCMS(append(bytes.Clone(by.CMS), 0), by.Signed, roots); return err },
		"empty":        func() error { _, err := VerifyCMS(nil, by.Signed, roots); return err },
		"not CMS":      func() error { _, err := VerifyCMS([]byte{0x30, 0}, by.Signed, roots); return err },
		"other key":    func() error { _, err := signCMS(device, certificate, by.Signed); return err },
		"RSA certificate": func() error {
			_, err := signCMS(elsewhere{rsaKey(t, 2048), KeyToken, PS256}, certificate, nil)
			return err
		},
	} {
		if run() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	t.Logf("CMS signature with its certificate: %d bytes", len(by.CMS))
}

func FuzzVerifyCMS(f *testing.F) {
	officer := vectorKey(f, vectorOfficer)
	certificate := certify(f, officer, "officer-1")
	body := []byte("body")
	der, err := signCMS(officer, certificate, body)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add([]byte{0x30, 0x80, 0x06, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := VerifyCMS(data, body, nil)
		if err == nil && c == nil {
			t.Fatal("verified without a certificate")
		}
	})
}
