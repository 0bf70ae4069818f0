package pa

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
	"github.com/enrold/enrold/reader/trust"
)

var now = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// certificate makes a certificate of key, signed by issuer or by itself.
func certificate(t testing.TB, name string, key crypto.Signer, issuer *x509.Certificate, issuerKey crypto.Signer, from time.Time, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{Country: []string{"UT"}, CommonName: name},
		NotBefore: from, NotAfter: from.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if issuer == nil {
		issuer, issuerKey = c, key
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	if edit != nil {
		edit(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// issuing is everything that goes into a security object; tests spoil parts of it.
type issuing struct {
	hash        crypto.Hash // of data groups
	groups      map[int][]byte
	digest      crypto.Hash // of the signature
	key         crypto.Signer
	certificate *x509.Certificate
	algorithm   asn1.ObjectIdentifier
	contentType asn1.ObjectIdentifier // of the signed attributes
	signingTime time.Time
	noAttrs     bool
	certDER     []byte // in place of the certificate
}

func (o issuing) oid(h crypto.Hash) asn1.ObjectIdentifier {
	return map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1: {1, 3, 14, 3, 2, 26}, crypto.SHA224: {2, 16, 840, 1, 101, 3, 4, 2, 4}, crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
		crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
	}[h]
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sum(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

func seq(parts ...[]byte) []byte { return tlv.Append(nil, 0x30, bytes.Join(parts, nil)) }

// sod writes EF.SOD (RFC 5652 §5, Doc 9303-10 §4.6.2).
func (o issuing) sod(t testing.TB) []byte {
	t.Helper()
	var list []byte
	for n := 1; n <= 16; n++ {
		if g := o.groups[n]; g != nil {
			list = append(list, seq(encode(t, n), encode(t, sum(o.hash, g)))...)
		}
	}
	content := seq(encode(t, 0), seq(encode(t, o.oid(o.hash))), seq(list))
	attr := func(oid []int, value []byte) []byte {
		return seq(encode(t, asn1.ObjectIdentifier(oid)), tlv.Append(nil, 0x31, value))
	}
	attrs := attr([]int{1, 2, 840, 113549, 1, 9, 3}, encode(t, o.contentType))
	if !o.signingTime.IsZero() {
		attrs = append(attrs, attr([]int{1, 2, 840, 113549, 1, 9, 5}, encode(t, o.signingTime))...)
	}
	attrs = append(attrs, attr([]int{1, 2, 840, 113549, 1, 9, 4}, encode(t, sum(o.digest, content)))...)
	signed, header := tlv.Append(nil, 0x31, attrs), tlv.Append(nil, 0xA0, attrs)
	if o.noAttrs {
		signed, header = content, nil
	}
	signature, err := o.key.Sign(rand.Reader, sum(o.digest, signed), o.digest)
	if err != nil {
		t.Fatal(err)
	}
	cert := o.certificate.Raw
	if o.certDER != nil {
		cert = o.certDER
	}
	algorithm := seq(encode(t, o.oid(o.digest)))
	signer := seq(encode(t, 1), seq(o.certificate.RawIssuer, encode(t, o.certificate.SerialNumber)), algorithm, header, seq(encode(t, o.algorithm)), encode(t, signature))
	data := seq(encode(t, 3), tlv.Append(nil, 0x31, algorithm), seq(encode(t, ldsOID), tlv.Append(nil, 0xA0, encode(t, content))),
		tlv.Append(nil, 0xA0, cert), tlv.Append(nil, 0x31, signer))
	cms := seq(encode(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}), tlv.Append(nil, 0xA0, data))
	return tlv.Append(nil, 0x77, cms)
}

// store writes certificates into a trust folder and loads it.
func store(t testing.TB, list ...*x509.Certificate) *trust.Store {
	t.Helper()
	dir := t.TempDir()
	for i, c := range list {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".der"), c.Raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := trust.Load(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	ldsOID      = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}
	ecdsaSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	ecdsaSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	rsaOID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

func TestVerify(t *testing.T) {
	caKey, dsKey := ecKey(t), ecKey(t)
	issued := now.AddDate(-1, 0, 0)
	ca := certificate(t, "CSCA", caKey, nil, nil, now.AddDate(-3, 0, 0), nil)
	ds := certificate(t, "DS", dsKey, ca, caKey, issued, nil)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := func() issuing {
		return issuing{
			hash: crypto.SHA256, groups: map[int][]byte{1: []byte("one"), 2: []byte("two"), 13: []byte("thirteen")}, digest: crypto.SHA256,
			key: dsKey, certificate: ds, algorithm: ecdsaSHA256, contentType: ldsOID, signingTime: issued.AddDate(0, 1, 0),
		}
	}
	read := map[int][]byte{1: []byte("one"), 2: []byte("two")}
	for _, c := range []struct {
		name   string
		edit   func(*issuing)
		read   map[int][]byte
		issuer string
		trust  *trust.Store
		state  eid.CheckState
		cause  string
	}{
		{name: "good", state: eid.CheckOK, cause: "crl-missing"},
		{name: "SHA-1 groups", edit: func(o *issuing) { o.hash = crypto.SHA1 }, state: eid.CheckOK, cause: "crl-missing"},
		{name: "SHA-224 groups", edit: func(o *issuing) { o.hash = crypto.SHA224 }, state: eid.CheckOK, cause: "crl-missing"},
		{name: "SHA-384 all over", edit: func(o *issuing) { o.hash, o.digest, o.algorithm = crypto.SHA384, crypto.SHA384, ecdsaSHA384 }, state: eid.CheckOK, cause: "crl-missing"},
		{name: "SHA-512 groups", edit: func(o *issuing) { o.hash = crypto.SHA512 }, state: eid.CheckOK, cause: "crl-missing"},
		{name: "RSA", edit: func(o *issuing) {
			o.key, o.algorithm = rsaKey, rsaOID
			o.certificate = certificate(t, "DS", rsaKey, ca, caKey, issued, nil)
		}, state: eid.CheckOK, cause: "crl-missing"},
		{name: "no signing time", edit: func(o *issuing) { o.signingTime = time.Time{} }, state: eid.CheckOK, cause: "signing-time-absent crl-missing"},

		{name: "changed group", read: map[int][]byte{1: []byte("one"), 2: []byte("twp")}, state: eid.CheckFailed, cause: "dg-hash"},
		{name: "group that is not listed", read: map[int][]byte{14: []byte("x")}, state: eid.CheckFailed, cause: "dg-unlisted"},
		{name: "another key signed", edit: func(o *issuing) { o.key = ecKey(t) }, state: eid.CheckFailed, cause: "sod-signature"},
		{name: "attributes of another content", edit: func(o *issuing) { o.contentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1} }, state: eid.CheckFailed, cause: "sod-attributes"},
		{name: "no signed attributes", edit: func(o *issuing) { o.noAttrs = true }, state: eid.CheckFailed, cause: "sod-attributes"},
		{name: "signed before the certificate", edit: func(o *issuing) { o.signingTime = issued.AddDate(0, 0, -1) }, state: eid.CheckFailed, cause: "signer-not-valid"},
		{name: "expired, no signing time", edit: func(o *issuing) {
			o.signingTime = time.Time{}
			o.certificate = certificate(t, "DS", dsKey, ca, caKey, issued, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) })
		}, state: eid.CheckFailed, cause: "signer-not-valid"},
		{name: "key not for signatures", edit: func(o *issuing) {
			o.certificate = certificate(t, "DS", dsKey, ca, caKey, issued, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
		}, state: eid.CheckFailed, cause: "signer-usage"},
		{name: "claims an issuer that did not sign", edit: func(o *issuing) {
			other := ecKey(t)
			forger := *ca
			forger.PublicKey = other.Public()
			o.certificate = certificate(t, "DS", dsKey, &forger, other, issued, nil)
		}, state: eid.CheckFailed, cause: "issuer-mismatch"},
		{name: "another CSCA of that name", trust: store(t, certificate(t, "CSCA", ecKey(t), nil, nil, now.AddDate(-3, 0, 0), nil)), state: eid.CheckNotPossible, cause: "no-csca"},
		{name: "old and new CSCA", trust: store(t, certificate(t, "CSCA", ecKey(t), nil, nil, now, nil), ca), state: eid.CheckOK, cause: "crl-missing"},
		{name: "CSCA younger than the signer", trust: store(t, certificate(t, "CSCA", caKey, nil, nil, now, nil)), state: eid.CheckFailed, cause: "csca-not-valid"},

		{name: "no CSCA", trust: store(t), state: eid.CheckNotPossible, cause: "no-csca"},
		{name: "no CSCA and a changed group", trust: store(t), read: map[int][]byte{1: []byte("onf")}, state: eid.CheckFailed, cause: "dg-hash"},
		{name: "certificate is garbage", edit: func(o *issuing) { o.certDER = seq(encode(t, 1)) }, state: eid.CheckFailed, cause: "sod-malformed"},
		{name: "certificate is another's", edit: func(o *issuing) { o.certDER = certificate(t, "DS", ecKey(t), nil, nil, issued, nil).Raw }, state: eid.CheckNotPossible, cause: "signer-missing"},
		{name: "signed in the future", edit: func(o *issuing) { o.signingTime = now.AddDate(0, 0, 3) }, state: eid.CheckNotPossible, cause: "clock"},
		{name: "master list signer", edit: func(o *issuing) {
			o.certificate = certificate(t, "DS", dsKey, ca, caKey, issued, func(c *x509.Certificate) {
				c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 136, 1, 1, 3}}
			})
		}, state: eid.CheckFailed, cause: "signer-usage"},
		{name: "signer of another state", edit: func(o *issuing) {
			o.certificate = certificate(t, "DS", dsKey, ca, caKey, issued, func(c *x509.Certificate) { c.Subject.Country = []string{"VN"} })
		}, state: eid.CheckFailed, cause: "country-mismatch"},
		{name: "document of another state", issuer: "VNM", state: eid.CheckFailed, cause: "state-mismatch"},
		{name: "document of the state", issuer: "UTO", state: eid.CheckOK, cause: "crl-missing"},
		{name: "critical extension", edit: func(o *issuing) {
			o.certificate = certificate(t, "DS", dsKey, ca, caKey, issued, func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
			})
		}, state: eid.CheckNotPossible, cause: "unsupported"},
	} {
		o := good()
		if c.edit != nil {
			c.edit(&o)
		}
		if c.read == nil {
			c.read = read
		}
		if c.trust == nil {
			c.trust = store(t, ca)
		}
		s, err := Parse(o.sod(t))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		sums := make(map[int][]byte)
		for n, g := range c.read {
			sums[n] = sum(s.Hash(), g)
		}
		check, signer := s.Verify(Read{sums, c.issuer}, c.trust, now)
		if check.State != c.state || check.Word != c.cause || (check.Word == "") != (check.Reason == "") {
			t.Errorf("%s: %+v", c.name, check)
		}
		if check.State == eid.CheckOK && signer != "CN=DS,C=UT" {
			t.Errorf("%s: signer %q", c.name, signer)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	key := ecKey(t)
	o := issuing{
		hash: crypto.SHA256, groups: map[int][]byte{1: []byte("one")}, digest: crypto.SHA256, key: key,
		certificate: certificate(t, "CSCA", key, nil, nil, now, nil), algorithm: ecdsaSHA256, contentType: ldsOID,
	}
	good := o.sod(t)
	if _, err := Parse(good); err != nil {
		t.Fatal(err)
	}
	md5 := bytes.ReplaceAll(good, encode(t, o.oid(crypto.SHA256)), []byte{0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05, 0x00})
	for name, b := range map[string][]byte{
		"empty":            nil,
		"cut short":        good[:len(good)-1],
		"another tag":      append([]byte{0x61}, good[1:]...),
		"unknown hash":     md5,
		"no hash":          issuing{hash: crypto.SHA256, digest: crypto.SHA256, key: key, certificate: o.certificate, algorithm: ecdsaSHA256, contentType: ldsOID}.sod(t),
		"not a hash list":  bytes.Replace(good, encode(t, ldsOID), []byte{0x06, 0x06, 0x67, 0x81, 0x08, 0x01, 0x01, 0x02}, 1),
		"too large":        tlv.Append(nil, 0x77, make([]byte, 70<<10)),
		"group 17":         bytes.Replace(good, []byte{0x02, 0x01, 0x01, 0x04, 0x20}, []byte{0x02, 0x01, 0x11, 0x04, 0x20}, 1),
		"hash of 31 bytes": bytes.Replace(good, []byte{0x02, 0x01, 0x01, 0x04, 0x20}, []byte{0x02, 0x01, 0x01, 0x04, 0x1F}, 1),
	} {
		if _, err := Parse(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whatever the file holds, nothing panics, and nothing that this corpus was not
// signed for is ever ok.
func FuzzSOD(f *testing.F) {
	key := ecKey(f)
	ca := certificate(f, "CSCA", key, nil, nil, now.AddDate(-1, 0, 0), nil)
	o := issuing{
		hash: crypto.SHA256, groups: map[int][]byte{1: []byte("one")}, digest: crypto.SHA256, key: key,
		certificate: ca, algorithm: ecdsaSHA256, contentType: ldsOID,
	}
	anchors := store(f, ca)
	f.Add(o.sod(f))
	o.noAttrs = true
	f.Add(o.sod(f))
	f.Add([]byte{0x77, 0x04, 0x30, 0x80, 0x00, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		check, _ := s.Verify(Read{Groups: map[int][]byte{1: sum(s.Hash(), []byte("two"))}}, anchors, now)
		if check.State == eid.CheckOK || check.Reason == "" {
			t.Fatalf("%+v", check)
		}
		s.Verify(Read{}, anchors, now)
	})
}
