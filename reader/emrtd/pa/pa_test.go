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
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
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
	for _, x := range hashes {
		if x.hash == h {
			return x.oid
		}
	}
	return nil
}

func der(t testing.TB, v any) []byte {
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
			list = append(list, seq(der(t, n), der(t, sum(o.hash, g)))...)
		}
	}
	content := seq(der(t, 0), seq(der(t, o.oid(o.hash))), seq(list))
	attr := func(oid []int, value []byte) []byte {
		return seq(der(t, asn1.ObjectIdentifier(oid)), tlv.Append(nil, 0x31, value))
	}
	attrs := attr([]int{1, 2, 840, 113549, 1, 9, 3}, der(t, o.contentType))
	if !o.signingTime.IsZero() {
		attrs = append(attrs, attr([]int{1, 2, 840, 113549, 1, 9, 5}, der(t, o.signingTime))...)
	}
	attrs = append(attrs, attr([]int{1, 2, 840, 113549, 1, 9, 4}, der(t, sum(o.digest, content)))...)
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
	algorithm := seq(der(t, o.oid(o.digest)))
	signer := seq(der(t, 1), seq(o.certificate.RawIssuer, der(t, o.certificate.SerialNumber)), algorithm, header, seq(der(t, o.algorithm)), der(t, signature))
	data := seq(der(t, 3), tlv.Append(nil, 0x31, algorithm), seq(der(t, oidLDS), tlv.Append(nil, 0xA0, der(t, content))),
		tlv.Append(nil, 0xA0, cert), tlv.Append(nil, 0x31, signer))
	cms := seq(der(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}), tlv.Append(nil, 0xA0, data))
	return tlv.Append(nil, 0x77, cms)
}

// anchors is a trust store of fixed answers.
type anchors []*x509.Certificate

func (a anchors) IssuersOf(*x509.Certificate) []*x509.Certificate { return a }

var (
	ecdsaSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	ecdsaSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	rsaOID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	rsaPSS      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
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
			key: dsKey, certificate: ds, algorithm: ecdsaSHA256, contentType: oidLDS, signingTime: issued.AddDate(0, 1, 0),
		}
	}
	read := map[int][]byte{1: []byte("one"), 2: []byte("two")}
	// Go does not parse keys on these curves; an object identifier is enough.
	curve := func(oid string) []byte {
		p256 := "\x2A\x86\x48\xCE\x3D\x03\x01\x07"
		return bytes.Replace(ds.Raw, []byte(p256), []byte(oid), 1)
	}
	for _, c := range []struct {
		name  string
		edit  func(*issuing)
		read  map[int][]byte
		trust anchors
		state eid.CheckState
		cause string
	}{
		{name: "good", state: eid.CheckOK},
		{name: "SHA-1 groups", edit: func(o *issuing) { o.hash = crypto.SHA1 }, state: eid.CheckOK},
		{name: "SHA-224 groups", edit: func(o *issuing) { o.hash = crypto.SHA224 }, state: eid.CheckOK},
		{name: "SHA-384 all over", edit: func(o *issuing) { o.hash, o.digest, o.algorithm = crypto.SHA384, crypto.SHA384, ecdsaSHA384 }, state: eid.CheckOK},
		{name: "SHA-512 groups", edit: func(o *issuing) { o.hash = crypto.SHA512 }, state: eid.CheckOK},
		{name: "RSA", edit: func(o *issuing) {
			o.key, o.algorithm = rsaKey, rsaOID
			o.certificate = certificate(t, "DS", rsaKey, ca, caKey, issued, nil)
		}, state: eid.CheckOK},
		{name: "no signing time", edit: func(o *issuing) { o.signingTime = time.Time{} }, state: eid.CheckOK},

		{name: "changed group", read: map[int][]byte{1: []byte("one"), 2: []byte("twp")}, state: eid.CheckFailed, cause: "hash of DG2 differs from the security object"},
		{name: "group that is not listed", read: map[int][]byte{14: []byte("x")}, state: eid.CheckFailed, cause: "DG14 is not in the security object"},
		{name: "another key signed", edit: func(o *issuing) { o.key = ecKey(t) }, state: eid.CheckFailed, cause: "signature of the security object is wrong"},
		{name: "attributes of another content", edit: func(o *issuing) { o.contentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1} }, state: eid.CheckFailed, cause: "signed attributes do not name a hash list"},
		{name: "no signed attributes", edit: func(o *issuing) { o.noAttrs = true }, state: eid.CheckFailed, cause: "signed attributes do not name a hash list"},
		{name: "signed before the certificate", edit: func(o *issuing) { o.signingTime = issued.AddDate(0, 0, -1) }, state: eid.CheckFailed, cause: "signer's certificate was not valid at signing"},
		{name: "expired, no signing time", edit: func(o *issuing) {
			o.signingTime = time.Time{}
			o.certificate = certificate(t, "DS", dsKey, ca, caKey, issued, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) })
		}, state: eid.CheckFailed, cause: "signer's certificate is not valid"},
		{name: "key not for signatures", edit: func(o *issuing) {
			o.certificate = certificate(t, "DS", dsKey, ca, caKey, issued, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
		}, state: eid.CheckFailed, cause: "signer's certificate is not for signatures"},
		{name: "another CSCA of that name", trust: anchors{certificate(t, "CSCA", ecKey(t), nil, nil, now.AddDate(-3, 0, 0), nil)}, state: eid.CheckFailed, cause: "signer's certificate was not issued by the CSCA that it names"},
		{name: "old and new CSCA", trust: anchors{certificate(t, "CSCA", ecKey(t), nil, nil, now, nil), ca}, state: eid.CheckOK},
		{name: "CSCA younger than the signer", trust: anchors{certificate(t, "CSCA", caKey, nil, nil, now, nil)}, state: eid.CheckFailed, cause: "CSCA certificate was not valid when it issued the signer's certificate"},

		{name: "no CSCA", trust: anchors{}, state: eid.CheckNotPossible, cause: "no CSCA certificate of the issuer in the trust store"},
		{name: "no CSCA and a changed group", trust: anchors{}, read: map[int][]byte{1: []byte("onf")}, state: eid.CheckFailed, cause: "hash of DG1 differs from the security object"},
		{name: "RSA-PSS", edit: func(o *issuing) { o.algorithm = rsaPSS }, state: eid.CheckNotPossible, cause: "signature algorithm of the security object is not supported yet"},
		{name: "brainpool", edit: func(o *issuing) { o.certDER = curve("\x2B\x24\x03\x03\x02\x08\x01\x01") }, state: eid.CheckNotPossible, cause: "signer's key is on a brainpool curve, not supported yet"},
		{name: "brainpool and a changed group", edit: func(o *issuing) { o.certDER = curve("\x2B\x24\x03\x03\x02\x08\x01\x01") }, read: map[int][]byte{1: []byte("x")}, state: eid.CheckFailed, cause: "hash of DG1 differs from the security object"},
		{name: "certificate is garbage", edit: func(o *issuing) { o.certDER = seq(der(t, 1)) }, state: eid.CheckFailed, cause: "security object is malformed"},
	} {
		o := good()
		if c.edit != nil {
			c.edit(&o)
		}
		if c.read == nil {
			c.read = read
		}
		if c.trust == nil {
			c.trust = anchors{ca}
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
		check, signer := s.Verify(sums, c.trust, now)
		if check.State != c.state || check.Reason != c.cause {
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
		certificate: certificate(t, "CSCA", key, nil, nil, now, nil), algorithm: ecdsaSHA256, contentType: oidLDS,
	}
	good := o.sod(t)
	if _, err := Parse(good); err != nil {
		t.Fatal(err)
	}
	md5 := bytes.Replace(good, der(t, o.oid(crypto.SHA256)), []byte{0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05, 0x00}, -1)
	for name, b := range map[string][]byte{
		"empty":            nil,
		"cut short":        good[:len(good)-1],
		"another tag":      append([]byte{0x61}, good[1:]...),
		"unknown hash":     md5,
		"no hash":          issuing{hash: crypto.SHA256, digest: crypto.SHA256, key: key, certificate: o.certificate, algorithm: ecdsaSHA256, contentType: oidLDS}.sod(t),
		"not a hash list":  bytes.Replace(good, der(t, oidLDS), []byte{0x06, 0x06, 0x67, 0x81, 0x08, 0x01, 0x01, 0x02}, 1),
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
		certificate: ca, algorithm: ecdsaSHA256, contentType: oidLDS,
	}
	f.Add(o.sod(f))
	o.noAttrs = true
	f.Add(o.sod(f))
	f.Add([]byte{0x77, 0x04, 0x30, 0x80, 0x00, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		check, _ := s.Verify(map[int][]byte{1: sum(s.Hash(), []byte("two"))}, anchors{ca}, now)
		if check.State == eid.CheckOK || check.Reason == "" {
			t.Fatalf("%+v", check)
		}
		s.Verify(nil, anchors{ca}, now)
	})
}
