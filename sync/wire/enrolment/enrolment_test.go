package enrolment

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
)

const desk = "desk-1"

type key struct {
	crypto.Signer
	origin request.KeyOrigin
}

func (k key) Origin() request.KeyOrigin { return k.origin }

func p256(t testing.TB) key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{k, "tpm2"}
}

func rsaKey(t testing.TB, bits int) key {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key{k, "pkcs11"}
}

func TestRequestComesThrough(t *testing.T) {
	for name, device := range map[string]key{"P-256": p256(t), "RSA": rsaKey(t, 2048)} {
		t.Run(name, func(t *testing.T) {
			tls := p256(t)
			file, err := Make(desk, tls, device, []byte("attested"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := Verify(file)
			if err != nil {
				t.Fatal(err)
			}
			if r.DeskID != desk || r.DeviceOrigin != device.origin || string(r.Attestation) != "attested" ||
				!tls.Public().(*ecdsa.PublicKey).Equal(r.CSR.PublicKey) || !equal(device.Public(), r.DeviceKey) {
				t.Fatalf("got %+v", r)
			}
			if f := r.Fingerprint(); len(f) != 39 || f == (Request{DeskID: "other", CSR: r.CSR, DeviceSPKI: r.DeviceSPKI}).Fingerprint() {
				t.Errorf("fingerprint %q", f)
			}
		})
	}
}

func equal(a, b crypto.PublicKey) bool {
	return a.(interface{ Equal(crypto.PublicKey) bool }).Equal(b)
}

func TestMakeRefuses(t *testing.T) {
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		desk   string
		device key
	}{
		"name":      {"desk 1", p256(t)},
		"curve":     {desk, key{weak, "tpm2"}},
		"no origin": {desk, key{p256(t).Signer, ""}},
	} {
		if _, err := Make(tc.desk, p256(t), tc.device, nil); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

// TestEveryChangedBitIsRefused: there is no byte that neither proof covers.
func TestEveryChangedBitIsRefused(t *testing.T) {
	device := p256(t)
	file, err := Make(desk, p256(t), device, nil)
	if err != nil {
		t.Fatal(err)
	}
	officer, err := MakeOfficer(desk, "officer-1", p256(t), device)
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		for bit := range 8 {
			changed := bytes.Clone(file)
			changed[i] ^= 1 << bit
			if _, err := Verify(changed); err == nil {
				t.Fatalf("request: bit %d of byte %d of %d changes nothing", bit, i, len(file))
			}
		}
	}
	for i := range officer {
		changed := bytes.Clone(officer)
		changed[i] ^= 1
		if _, err := VerifyOfficer(changed, device.Public()); err == nil {
			t.Fatalf("officer: byte %d changes nothing", i)
		}
	}
}

func TestProofsAreBound(t *testing.T) {
	a, b := p256(t), p256(t)
	file, err := Make(desk, a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*requestFile)) []byte {
		var r requestFile
		if err := decMode.Unmarshal(file, &r); err != nil {
			t.Fatal(err)
		}
		f(&r)
		out, err := encMode.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	other, err := Make("desk-2", a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string][]byte{
		"another device key": change(func(r *requestFile) { r.DeviceKey, _ = x509.MarshalPKIXPublicKey(a.Public()) }),
		"another origin":     change(func(r *requestFile) { r.DeviceOrigin = "software" }),
		"another desk":       change(func(r *requestFile) { r.DeskID = "desk-2" }),
		"another CSR": change(func(r *requestFile) {
			var o requestFile
			if err := decMode.Unmarshal(other, &o); err != nil {
				t.Fatal(err)
			}
			r.CSR = o.CSR
		}),
		"trailing":  append(bytes.Clone(file), 0),
		"too large": make([]byte, MaxFile+1),
		"empty":     nil,
	} {
		if _, err := Verify(changed); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOfficer(t *testing.T) {
	device := p256(t)
	for name, officer := range map[string]key{"P-256": p256(t), "RSA": rsaKey(t, 2048)} {
		file, err := MakeOfficer(desk, "officer-1", officer, device)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := OfficerDesk(file); err != nil || d != desk {
			t.Fatalf("%s: desk %q, %v", name, d, err)
		}
		r, err := VerifyOfficer(file, device.Public())
		if err != nil || r.Officer != "officer-1" || r.OfficerOrigin != officer.origin || !equal(officer.Public(), r.OfficerKey) {
			t.Fatalf("%s: got %+v, %v", name, r, err)
		}
		if _, err := VerifyOfficer(file, p256(t).Public()); err == nil {
			t.Errorf("%s: another desk's device vouches", name)
		}
	}
	if _, err := MakeOfficer(desk, "", p256(t), device); err == nil {
		t.Error("an officer without a name")
	}
}

// central is a certificate authority of one test.
type central struct {
	key  key
	cert *x509.Certificate
}

func newCentral(t testing.TB) central {
	t.Helper()
	k := p256(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	return central{k, sign509(t, template, template, k.Public(), k)}
}

func sign509(t testing.TB, c, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, by)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c central) answer(t testing.TB, name string, pub crypto.PublicKey) Answer {
	t.Helper()
	leaf := sign509(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, c.cert, pub, c.key)
	receipt, err := x509.MarshalPKIXPublicKey(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return Answer{
		DeskID: name, Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
		CA:         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}),
		ReceiptKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: receipt}),
	}
}

func TestAnswer(t *testing.T) {
	c, tls := newCentral(t), p256(t)
	file, err := c.answer(t, desk, tls.Public()).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAnswer(file)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err := a.Check(desk, tls.Public(), time.Now()); err != nil || leaf.Subject.CommonName != desk {
		t.Fatalf("%v, %v", leaf, err)
	}
	for want, err := range map[string]error{
		"is for desk":  second(a.Check("desk-2", tls.Public(), time.Now())),
		"desk's key":   second(a.Check(desk, p256(t).Public(), time.Now())),
		"expired":      second(a.Check(desk, tls.Public(), time.Now().Add(2*time.Hour))),
		"unknown auth": second(swap(a, newCentral(t).answer(t, desk, tls.Public())).Check(desk, tls.Public(), time.Now())),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if a.Fingerprint() != c.answer(t, desk, p256(t).Public()).Fingerprint() || a.Fingerprint() == newCentral(t).answer(t, desk, tls.Public()).Fingerprint() {
		t.Error("the fingerprint does not name the central")
	}
	if _, err := (Answer{DeskID: desk}).Marshal(); err == nil {
		t.Error("an empty answer was written")
	}
}

func swap(a, other Answer) Answer { a.CA = other.CA; return a }

func second(_ *x509.Certificate, err error) error { return err }

func FuzzVerify(f *testing.F) {
	device := p256(f)
	if file, err := Make(desk, p256(f), device, nil); err == nil {
		f.Add(file)
	}
	if file, err := MakeOfficer(desk, "o", p256(f), device); err == nil {
		f.Add(file)
	}
	if file, err := newCentral(f).answer(f, desk, device.Public()).Marshal(); err == nil {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if r, err := Verify(file); err == nil && (r.CSR == nil || r.DeviceKey == nil) {
			t.Fatal("a request without keys was accepted")
		}
		if r, err := VerifyOfficer(file, device.Public()); err == nil && r.OfficerKey == nil {
			t.Fatal("an officer without a key was accepted")
		}
		if a, err := ParseAnswer(file); err == nil {
			_ = a.Fingerprint()
			_, _ = a.Check(desk, device.Public(), time.Now())
		}
	})
}
