package cert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/reader/trust/der"
)

// template is a root of one curve; tests change parts of it.
func template(t *testing.T, edit func(*x509.Certificate)) ([]byte, *ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(0x80), Subject: pkix.Name{Country: []string{"ut"}, Organization: []string{"A, B", "C"}, CommonName: "Root"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId: []byte{1, 2, 3},
	}
	if edit != nil {
		edit(c)
	}
	b, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return b, key, c
}

func TestParse(t *testing.T) {
	b, _, _ := template(t, nil)
	c, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject.String() != `CN=Root,O=A\, B+O=C,C=ut` && c.Subject.String() != `CN=Root,O=C+O=A\, B,C=ut` {
		t.Errorf("subject %s", c.Subject)
	}
	if c.Subject.Country() != "UT" || len(c.Subject.Organizations()) != 2 || !c.SelfIssued() || !c.MaySign() || c.Key.String() != "secp256r1" {
		t.Errorf("%+v", c)
	}
	if !bytes.Equal(c.Serial, []byte{0, 0x80}) || !bytes.Equal(c.SubjectKeyID, []byte{1, 2, 3}) || c.KeyUsage != CertSign|CRLSign {
		t.Errorf("serial %x, key id %x, usage %b", c.Serial, c.SubjectKeyID, c.KeyUsage)
	}
	if c.NotBefore.Year() != 2020 || c.NotAfter.Year() != 2060 || !c.ValidAt(c.NotBefore) || c.ValidAt(c.NotAfter.Add(time.Second)) {
		t.Errorf("valid from %s until %s", c.NotBefore, c.NotAfter)
	}
	if err := c.SignedBy(c); err != nil {
		t.Error(err)
	}
	other, _, _ := template(t, nil)
	stranger, err := Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SignedBy(stranger); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if !IssuedBy(c.Issuer, nil, stranger) || !IssuedBy(c.Issuer, []byte{1, 2, 3}, stranger) || IssuedBy(c.Issuer, []byte{9}, stranger) {
		t.Error("issuers by name and key identifier")
	}
}

func TestExtensions(t *testing.T) {
	ext := func(critical bool, oid []int, value []byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier(oid), Critical: critical, Value: value})
		}
	}
	for name, c := range map[string]struct {
		edit       func(*x509.Certificate)
		malformed  bool
		understood bool
	}{
		"unknown":          {edit: ext(false, []int{1, 2, 3}, []byte{5, 0}), understood: true},
		"critical unknown": {edit: ext(true, []int{1, 2, 3}, []byte{5, 0})},
		"document types":   {edit: ext(true, []int{2, 23, 136, 1, 1, 6, 2}, []byte{0x30, 0}), understood: true},
		"twice":            {edit: func(c *x509.Certificate) { ext(false, []int{1, 2, 3}, nil)(c); ext(false, []int{1, 2, 3}, nil)(c) }, malformed: true},
		"empty usage":      {edit: ext(true, []int{2, 5, 29, 15}, []byte{3, 1, 0}), malformed: true},
		"usage of nothing": {edit: ext(true, []int{2, 5, 29, 15}, []byte{3, 2, 0, 0}), malformed: true},
	} {
		b, _, _ := template(t, c.edit)
		got, err := Parse(b)
		if (err != nil) != c.malformed {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (got.Understood() == nil) != c.understood {
			t.Errorf("%s: %v", name, got.Understood())
		}
	}
}

// Every byte of a certificate counts: none can change without being noticed.
func TestEveryBit(t *testing.T) {
	b, _, _ := template(t, nil)
	root, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for bit := range 8 {
			changed := bytes.Clone(b)
			changed[i] ^= 1 << bit
			if c, err := Parse(changed); err == nil && c.SignedBy(root) == nil {
				t.Errorf("bit %d of byte %d changes unnoticed", bit, i)
			}
		}
	}
}

func TestUnsupported(t *testing.T) {
	b, _, _ := template(t, nil)
	p256 := []byte{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}
	c, err := Parse(bytes.Replace(b, p256, []byte{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x70}, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*UnsupportedError](c.SignedBy(c)); !ok || c.Key.String() != "unsupported: curve 1.2.840.10045.3.1.112" {
		t.Errorf("unknown curve: %v, %s", c.SignedBy(c), c.Key)
	}
	withSHA256 := []byte{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02}
	if c, err = Parse(bytes.ReplaceAll(b, withSHA256, []byte{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x7F})); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*UnsupportedError](c.SignedBy(c)); !ok {
		t.Errorf("unknown algorithm: %v", c.SignedBy(c))
	}
	if _, err = Parse(bytes.Replace(b, withSHA256, []byte{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03}, 1)); err == nil {
		t.Error("two different algorithms in one certificate")
	}
}

func TestNames(t *testing.T) {
	name := func(tag byte, text string) Name {
		value := append([]byte{0x06, 3, 0x55, 4, 10, tag, byte(len(text))}, text...)
		pair := append([]byte{0x30, byte(len(value))}, value...)
		set := append([]byte{0x31, byte(len(pair))}, pair...)
		r := der.New(append([]byte{0x30, byte(len(set))}, set...))
		n := ReadName(r)
		if err := r.Done(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	a := name(der.PrintableString, "State of  Utopia")
	for _, c := range []struct {
		b               Name
		canonical, text bool
	}{
		{name(der.UTF8String, "State of  Utopia"), true, true},
		{name(der.UTF8String, "STATE of utopia "), true, false},
		{name(der.T61String, "State of  Utopia"), true, false},
		{name(der.UTF8String, "State of Erewhon"), false, false},
	} {
		if (a.Canonical() == c.b.Canonical()) != c.canonical || a.SameText(c.b) != c.text {
			t.Errorf("%s and %s", a, c.b)
		}
	}
	if got := name(der.UTF8String, "\x1b[31m\u202e,x").String(); got != `O=?[31m?\,x` {
		t.Errorf("control characters reach the terminal: %q", got)
	}
	if got := name(der.BMPString, "\x1e\xbf\x00n").Organizations(); !slices.Equal(got, []string{"ến"}) {
		t.Errorf("BMPString: %q", got)
	}
	if got := name(0x17, "x").Organizations(); got[0] != "#78" {
		t.Errorf("no text: %q", got)
	}
}

func TestCRL(t *testing.T) {
	b, key, template := template(t, nil)
	root, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(edit func(*x509.RevocationList)) []byte {
		l := &x509.RevocationList{
			Number: big.NewInt(5), ThisUpdate: time.Unix(1_700_000_000, 0), NextUpdate: time.Unix(1_800_000_000, 0),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(0x80), RevocationTime: time.Unix(1_650_000_000, 0), ReasonCode: 1}},
		}
		if edit != nil {
			edit(l)
		}
		out, err := x509.CreateRevocationList(rand.Reader, l, template, key)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	l, err := ParseCRL(issue(nil))
	if err != nil {
		t.Fatal(err)
	}
	if at, revoked := l.Revoked(root); !revoked || at.Unix() != 1_650_000_000 || l.Len() != 1 || !bytes.Equal(l.Number, []byte{5}) {
		t.Errorf("%+v", l)
	}
	if l.ThisUpdate.Unix() != 1_700_000_000 || l.NextUpdate.Unix() != 1_800_000_000 || !bytes.Equal(l.AuthorityKeyID, root.SubjectKeyID) {
		t.Errorf("%+v", l)
	}
	if err := l.SignedBy(root); err != nil {
		t.Error(err)
	}
	noUsage := *root
	noUsage.KeyUsage = CertSign
	if err := l.SignedBy(&noUsage); !errors.Is(err, ErrSignature) {
		t.Errorf("issuer that may not sign lists: %v", err)
	}
	partial := issue(func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0}}}
	})
	if _, err := ParseCRL(partial); err == nil {
		t.Error("a list for a part of the certificates passes for the whole")
	}
	if _, err := ParseCRL(make([]byte, MaxCRLSize+1)); err == nil {
		t.Error("no bound")
	}
}

// Signatures r || s of TR-03111, which no tool at hand writes.
func TestPlainSignature(t *testing.T) {
	b, key, _ := template(t, nil)
	c, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	sum := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	d := der.New([]byte{0x30, 12, 0x06, 10, 4, 0, 0x7F, 0, 7, 1, 1, 4, 1, 3})
	plain := ReadAlgorithm(d)
	if err := d.Done(); err != nil {
		t.Fatal(err)
	}
	if err := c.Key.Verify(plain, 0, message, signature); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string][]byte{"empty": nil, "short": signature[1:], "long": append(bytes.Clone(signature), 0), "halves": append(bytes.Clone(signature[32:]), signature[:32]...), "zero": make([]byte, 64)} {
		if err := c.Key.Verify(plain, 0, message, bad); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d = der.New([]byte{0x30, 13, 0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0})
	if err := c.Key.Verify(ReadAlgorithm(d), 0, message, signature); !errors.Is(err, ErrSignature) {
		t.Errorf("RSA with a key on a curve: %v", err)
	}
	open := ReadAlgorithm(der.New([]byte{0x30, 9, 0x06, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01}))
	if _, ok := errors.AsType[*UnsupportedError](c.Key.Verify(open, 0, message, signature)); !ok {
		t.Error("a hash that nobody names")
	}
}

// Parameters where none belong, and PSS without any, are malformed.
func TestAlgorithmParameters(t *testing.T) {
	for name, b := range map[string][]byte{
		"parameters of ECDSA": {0x30, 14, 0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02, 0x30, 2, 0x05, 0},
		"bare PSS":            {0x30, 11, 0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A},
		"trailer 2":           {0x30, 18, 0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A, 0x30, 5, 0xA3, 3, 2, 1, 2},
	} {
		if d := der.New(b); ReadAlgorithm(d).OID == "" || d.Done() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// RFC 4055 §3.1: everything has a default.
	d := der.New([]byte{0x30, 13, 0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A, 0x30, 0})
	if a := ReadAlgorithm(d); d.Done() != nil || a.salt != 20 || a.mgf != crypto.SHA1 || a.Hash != crypto.SHA1 {
		t.Errorf("%+v %v", a, d.Err())
	}
}
