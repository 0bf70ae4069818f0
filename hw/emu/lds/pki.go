package lds

import (
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"

	"github.com/enrold/enrold/hw/emu/lds/domain"
)

//go:generate go run ./makepki pki

// pkiFiles holds the test authorities: a country signing CA (csca-*.pem) and a
// document signer (dsc-*.pem) for cards (vn) and for Utopian passports (ut), and
// keys of RSA for document signers and active authentication. The keys are
// public on purpose: they sign emulated documents and nothing else.
//
//go:embed pki/*.pem
var pkiFiles embed.FS

// CSCA returns the certificates of the test country signing CAs, PEM by file
// name, for the trust folder of a desk that reads emulated documents.
func CSCA() (map[string][]byte, error) {
	names, err := fs.Glob(pkiFiles, "pki/csca-*.crt.pem")
	if err != nil {
		return nil, fmt.Errorf("list test authorities: %w", err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		b, err := pkiFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read test authority: %w", err)
		}
		out[name[len("pki/"):]] = b
	}
	return out, nil
}

// country is who issues a document.
type country struct {
	file, code, documentType string
}

var (
	vietNam = country{"vn", "VN", "I"}
	utopia  = country{"ut", "UT", "P"}
)

// flaw is what is wrong with a document signer.
type flaw int

const (
	sound   flaw = iota
	forged       // names the authority, but another key signed it
	unknown      // an authority that nobody trusts issued it
	expired      // ran out before it signed
)

// signer is a document signer (Doc 9303-12 §7.1.2).
type signer struct {
	certificate issued
	signature   Signature
	key         privateKey
}

// usual is the signature of the document signers whose certificates are files.
var usual = Signature{Hash: hashNames["sha256"], Curve: mustCurve("secp256r1")}

func (s Signature) isUsual() bool {
	return s.Curve != nil && s.Curve.Name() == usual.Curve.Name() && s.Hash == usual.Hash
}

func mustCurve(name string) *domain.Curve {
	g, _ := domain.ByName(name)
	c, ok := g.(*domain.Curve)
	if !ok {
		panic("lds: unknown curve " + name) // constants of this package
	}
	return c
}

// documentSigner returns c's signer for how; a flawed one is issued for it.
func documentSigner(c country, how Signature, f flaw) (signer, error) {
	s := signer{signature: how}
	if f == sound && how.isUsual() {
		parsed, err := readCertificate("pki/dsc-" + c.file + ".crt.pem")
		if err != nil {
			return s, err
		}
		s.certificate = issued{parsed.Raw, parsed.RawIssuer, parsed.SerialNumber}
		s.key, err = readCurveKey("pki/dsc-" + c.file + ".key.pem")
		return s, err
	}
	authority, err := readCertificate("pki/csca-" + c.file + ".crt.pem")
	if err != nil {
		return s, err
	}
	ca, err := readCurveKey("pki/csca-" + c.file + ".key.pem")
	if err != nil {
		return s, err
	}
	from, to := authority.NotBefore, authority.NotAfter
	switch f {
	case forged:
		ca.scalar = scalar(usual.Curve, "forger")
	case unknown:
		name, err := asn1.Marshal(subject(c, "Unknown CSCA "+c.code).ToRDNSequence())
		if err != nil {
			return s, fmt.Errorf("encode issuer: %w", err)
		}
		authority = &x509.Certificate{RawSubject: name, SubjectKeyId: make([]byte, 20)}
		ca.scalar = scalar(usual.Curve, "unknown authority")
	case expired:
		to = from.AddDate(0, 6, 0)
	case sound:
	}
	keyInfo, key, err := signerKey(how)
	if err != nil {
		return s, err
	}
	s.key = key
	s.certificate, err = issue(authority, ca, keyInfo, c, from, to)
	return s, err
}

func subject(c country, name string) pkix.Name {
	return pkix.Name{Country: []string{c.code}, Organization: []string{"enrold test, not for production"}, CommonName: name}
}

// signerKey returns the key of a document signer that signs so, and its
// SubjectPublicKeyInfo. Keys of curves are derived, that of RSA is a file.
func signerKey(how Signature) ([]byte, privateKey, error) {
	if how.Curve != nil {
		k := privateKey{scalar: scalar(how.Curve, "document signer")}
		info, err := domain.KeyInfo(how.Curve, how.Curve.Power(how.Curve.Generator(), k.scalar))
		return info, k, err
	}
	key, err := readRSAKey("pki/dsc-rsa.key.pem")
	if err != nil {
		return nil, privateKey{}, err
	}
	info, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, privateKey{}, fmt.Errorf("encode public key: %w", err)
	}
	return info, privateKey{rsa: key}, nil
}

// scalar derives a private key that everybody knows.
func scalar(g domain.Group, label string) *big.Int {
	h := sha512.Sum512([]byte("enrold test key, not for production: " + label + " " + g.Name()))
	n := new(big.Int).SetBytes(h[:])
	n.Mod(n, new(big.Int).Sub(g.Order(), big.NewInt(1)))
	return n.Add(n, big.NewInt(1))
}

func readCertificate(name string) (*x509.Certificate, error) {
	der, err := readPEM(name)
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	return c, nil
}

func readCurveKey(name string) (privateKey, error) {
	der, err := readPEM(name)
	if err != nil {
		return privateKey{}, err
	}
	k, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return privateKey{}, fmt.Errorf("parse %s: %w", name, err)
	}
	secret, err := k.Bytes()
	if err != nil {
		return privateKey{}, fmt.Errorf("read %s: %w", name, err)
	}
	return privateKey{scalar: new(big.Int).SetBytes(secret)}, nil
}

func readRSAKey(name string) (*rsa.PrivateKey, error) {
	der, err := readPEM(name)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	return k, nil
}

func readPEM(name string) ([]byte, error) {
	b, err := pkiFiles.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("read %s: no PEM block", name)
	}
	return block.Bytes, nil
}
