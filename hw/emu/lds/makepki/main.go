// Command makepki writes the test authorities of emulated chips into a folder:
// for each country a country signing CA and a document signer under it, profiled
// as in Doc 9303-12 §7.1. The result is committed; run it again only to renew.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

var oidDocumentTypes = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 6, 2} // Doc 9303-12 §7.1.1.6

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: makepki FOLDER")
	}
	for _, c := range []struct{ country, kind string }{{"VN", "I"}, {"UT", "P"}} {
		if err := authority(os.Args[1], c.country, c.kind); err != nil {
			log.Fatal(err)
		}
	}
	// 1536 bits: the longest usual key whose signature fits into a short answer
	// under secure messaging (Doc 9303-11 §6.1.4 note).
	for name, bits := range map[string]int{"dsc-rsa": 2048, "aa-rsa": 1536} {
		if err := rsaKey(os.Args[1], name, bits); err != nil {
			log.Fatal(err)
		}
	}
}

func rsaKey(dir, name string, bits int) error {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(filepath.Join(dir, name+".key.pem"), b, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func authority(dir, country, kind string) error {
	subject := func(unit string) pkix.Name {
		return pkix.Name{Country: []string{country}, Organization: []string{"enrold test, not for production"}, CommonName: unit}
	}
	from, to := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(0x43534341), Subject: subject("Test CSCA " + country), NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	caKey, err := newKey(ca)
	if err != nil {
		return err
	}
	ca.AuthorityKeyId = ca.SubjectKeyId
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return fmt.Errorf("make country signing CA: %w", err)
	}
	ds := &x509.Certificate{
		SerialNumber: big.NewInt(0x445343), Subject: subject("Test DSC " + country), NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	types, err := asn1.Marshal(struct {
		Version int
		Types   []string `asn1:"set"`
	}{0, []string{kind}})
	if err != nil {
		return fmt.Errorf("encode document types: %w", err)
	}
	ds.ExtraExtensions = []pkix.Extension{{Id: oidDocumentTypes, Value: types}}
	dsKey, err := newKey(ds)
	if err != nil {
		return err
	}
	parent, err := x509.ParseCertificate(caDER)
	if err != nil {
		return fmt.Errorf("parse country signing CA: %w", err)
	}
	dsDER, err := x509.CreateCertificate(rand.Reader, ds, parent, dsKey.Public(), caKey)
	if err != nil {
		return fmt.Errorf("make document signer: %w", err)
	}
	lower := string([]byte{country[0] | 0x20, country[1] | 0x20})
	if err := write(dir, "csca-"+lower, caDER, caKey); err != nil {
		return err
	}
	return write(dir, "dsc-"+lower, dsDER, dsKey)
}

// newKey makes a P-256 key and sets the subject key identifier of RFC 5280
// §4.2.1.2 method 1.
func newKey(c *x509.Certificate) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	id := sha1.Sum(point)
	c.SubjectKeyId = id[:]
	return key, nil
}

func write(dir, name string, certificate []byte, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	for _, f := range []struct {
		suffix, kind string
		body         []byte
	}{{".crt.pem", "CERTIFICATE", certificate}, {".key.pem", "EC PRIVATE KEY", der}} {
		b := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.body})
		if err := os.WriteFile(filepath.Join(dir, name+f.suffix), b, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
