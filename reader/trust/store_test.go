package trust_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust"
	"github.com/enrold/enrold/reader/trust/cert"
)

// anchor makes a self-signed certificate.
func anchor(t *testing.T, organisation string, ca bool) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"UT"}, Organization: []string{organisation}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if der, err = x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key); err != nil {
		t.Fatal(err)
	}
	return der, key
}

func write(t *testing.T, path string, b []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func toPEM(ders ...[]byte) (out []byte) {
	for _, d := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d})...)
	}
	return out
}

func TestLoad(t *testing.T) {
	a, _ := anchor(t, "A", true)
	b, _ := anchor(t, "B", true)
	old, young := time.Unix(1_700_000_000, 0), time.Unix(1_790_000_000, 0)
	one, two := t.TempDir(), t.TempDir()
	write(t, filepath.Join(one, "a.der"), a, old)
	write(t, filepath.Join(one, "b.pem"), toPEM(b), young)
	write(t, filepath.Join(one, "README"), []byte("not a certificate"), time.Now())
	write(t, filepath.Join(two, "all.crt"), toPEM(b, a, a), old)
	s, err := trust.Load(one, true)
	if err != nil {
		t.Fatal(err)
	}
	if n, u := s.Len(); n != 2 || u != 0 || !s.Updated().Equal(young) {
		t.Errorf("%d anchors, %d unsupported, updated %s", n, u, s.Updated())
	}
	same, err := trust.Load(two, true)
	if err != nil || !bytes.Equal(s.SHA256(), same.SHA256()) {
		t.Errorf("digest depends on file names: %v", err)
	}
	write(t, filepath.Join(two, "all.crt"), toPEM(b), old)
	other, err := trust.Load(two, true)
	if err != nil || bytes.Equal(s.SHA256(), other.SHA256()) {
		t.Errorf("digest does not depend on content: %v", err)
	}
	empty, err := trust.Load("", true)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := empty.Len(); n != 0 || !empty.Updated().IsZero() {
		t.Error("empty store is not empty")
	}
}

func TestLoadRefuses(t *testing.T) {
	leaf, _ := anchor(t, "A", false)
	for name, b := range map[string][]byte{
		"garbage.pem": []byte("garbage"),
		"garbage.der": {0x30, 0x03, 1, 2, 3},
		"leaf.der":    leaf,
		"big.pem":     bytes.Repeat([]byte("x"), 5<<20),
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, name), b, time.Now())
		if _, err := trust.Load(dir, false); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := trust.Load(filepath.Join(t.TempDir(), "absent"), false); err == nil {
		t.Error("absent folder: no error")
	}
}

func TestTestAnchorInProduction(t *testing.T) {
	der, _ := anchor(t, "Enrold Test CSCA, not for production", true)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.der"), der, time.Now())
	if _, err := trust.Load(dir, true); !errors.Is(err, trust.ErrTestAnchor) {
		t.Errorf("production: %v", err)
	}
	s, err := trust.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := s.Len(); n != 1 {
		t.Errorf("%d anchors", n)
	}
}

func TestIssuersOf(t *testing.T) {
	a, key := anchor(t, "A", true)
	b, _ := anchor(t, "A", true) // same name, another key
	dir := t.TempDir()
	write(t, filepath.Join(dir, "all.pem"), toPEM(a, b), time.Now())
	s, err := trust.Load(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, drop := range map[string]bool{"by key identifier": false, "by name": true} {
		issuer, err := x509.ParseCertificate(a)
		if err != nil {
			t.Fatal(err)
		}
		if drop {
			issuer.SubjectKeyId = nil
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "DS"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, leaf, issuer, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := cert.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		check, found := s.Chain(signer, time.Now())
		if check.State != eid.CheckOK || found == nil || !bytes.Equal(found.Raw, a) {
			t.Errorf("%s: %+v", name, check)
		}
	}
}
