package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// OfficerCertificate is the certificate of the officer's key, with which he signs
// each request as a detached CMS message besides; nil where keys.officer_cms is
// not set. Only ECDSA P-256 is taken: see package queue/request.
func (d *Desk) OfficerCertificate() (*x509.Certificate, error) {
	k := d.cfg.Keys
	if !k.OfficerCMS {
		return nil, nil
	}
	chain, err := readCertificates(k.OfficerCertificate)
	if err != nil {
		return nil, fmt.Errorf("read officer's certificate: %w", err)
	}
	if alg, err := request.AlgorithmFor(chain[0].PublicKey); err != nil || alg != request.ES256 {
		return nil, fmt.Errorf("read officer's certificate: its key is not for %s, and CMS signatures are made by no other", request.ES256)
	}
	return chain[0], nil
}

// CertifiedKey says whether a certificate is the officer's key's: E-TOKEN-KEY
// where it is another's. Without a certificate any key will do.
func CertifiedKey(c *x509.Certificate, key crypto.PublicKey) error {
	const op = "compare officer's certificate"
	if c == nil {
		return nil
	}
	a, errA := request.KeyID(c.PublicKey)
	b, errB := request.KeyID(key)
	switch {
	case errA != nil || errB != nil:
		return eid.Fail(eid.CodeTokenKey, op, errors.Join(errA, errB))
	case !bytes.Equal(a, b):
		return eid.Fail(eid.CodeTokenKey, op, errors.New("keys.officer_certificate is for another key"))
	}
	return nil
}

// CertificateRequest is the PKCS #10 request (RFC 2986, PEM) by which an authority
// certifies the officer's key.
func CertificateRequest(officer string, key request.Signer) ([]byte, error) {
	const op = "request officer's certificate"
	if key.Algorithm() != request.ES256 {
		return nil, fmt.Errorf("%s: the key is for %s, CMS signatures are made by %s", op, key.Algorithm(), request.ES256)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: officer}, SignatureAlgorithm: x509.ECDSAWithSHA256,
	}, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}
