package lds

import (
	"crypto/ecdsa"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"fmt"
	"io/fs"
)

//go:generate go run ./makepki pki

// pkiFiles holds the test authorities: a country signing CA (csca-*.pem) and a
// document signer (dsc-*.pem) for cards (vn) and for Utopian passports (ut).
// Their keys are public on purpose: they sign emulated documents and nothing else.
//
//go:embed pki/*.pem
var pkiFiles embed.FS

// signer is a document signer (Doc 9303-12 §7.1.2).
type signer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

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

func documentSigner(country string) (signer, error) {
	var s signer
	crt, err := readPEM("pki/dsc-" + country + ".crt.pem")
	if err != nil {
		return s, err
	}
	if s.certificate, err = x509.ParseCertificate(crt); err != nil {
		return s, fmt.Errorf("parse document signer: %w", err)
	}
	der, err := readPEM("pki/dsc-" + country + ".key.pem")
	if err != nil {
		return s, err
	}
	if s.key, err = x509.ParseECPrivateKey(der); err != nil {
		return s, fmt.Errorf("parse document signer's key: %w", err)
	}
	return s, nil
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
