package lds

import (
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// The structures of RFC 5280 §4.1. crypto/x509 cannot write certificates with
// explicit domain parameters, as Doc 9303-12 §4.4 asks for elliptic curves.
type (
	certificate struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	tbsCertificate struct {
		Version    int `asn1:"explicit,tag:0"`
		Serial     *big.Int
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		Validity   validity
		Subject    asn1.RawValue
		PublicKey  asn1.RawValue
		Extensions []pkix.Extension `asn1:"explicit,tag:3"`
	}
	validity struct{ NotBefore, NotAfter time.Time }
)

var (
	oidSubjectKeyID   = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage       = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidDocumentTypes  = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 6, 2} // Doc 9303-12 §7.1.1.6
)

// issued is a certificate and what a signer identifier takes of it.
type issued struct {
	raw, issuer []byte
	serial      *big.Int
}

// issue makes the certificate of a document signer of c (Doc 9303-12 §7.1.2): the
// public key in keyInfo, under authority's name and signed with ca.
func issue(authority *x509.Certificate, ca privateKey, keyInfo []byte, c country, from, to time.Time) (issued, error) {
	algorithm, err := usual.algorithm()
	if err != nil {
		return issued{}, err
	}
	name, err := asn1.Marshal(subject(c, "Test DSC "+c.code).ToRDNSequence())
	if err != nil {
		return issued{}, fmt.Errorf("encode subject: %w", err)
	}
	id := sha1.Sum(keyInfo)
	extensions, err := encodeExtensions([]extension{
		{oidAuthorityKeyID, false, struct {
			ID []byte `asn1:"tag:0"`
		}{authority.SubjectKeyId}},
		{oidSubjectKeyID, false, id[:]},
		{oidKeyUsage, true, asn1.BitString{Bytes: []byte{0x80}, BitLength: 1}}, // digitalSignature
		{oidDocumentTypes, false, struct {
			Version int
			Types   []string `asn1:"set"`
		}{0, []string{c.documentType}}},
	})
	if err != nil {
		return issued{}, err
	}
	serial := new(big.Int).SetBytes(id[:8])
	tbs, err := asn1.Marshal(tbsCertificate{
		Version: 2, Serial: serial, Algorithm: algorithm,
		Issuer: asn1.RawValue{FullBytes: authority.RawSubject}, Validity: validity{from, to},
		Subject: asn1.RawValue{FullBytes: name}, PublicKey: asn1.RawValue{FullBytes: keyInfo},
		Extensions: extensions,
	})
	if err != nil {
		return issued{}, fmt.Errorf("encode certificate: %w", err)
	}
	signature, err := usual.sign(ca, tbs)
	if err != nil {
		return issued{}, err
	}
	der, err := asn1.Marshal(certificate{asn1.RawValue{FullBytes: tbs}, algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		return issued{}, fmt.Errorf("encode certificate: %w", err)
	}
	return issued{der, authority.RawSubject, serial}, nil
}

type extension struct {
	oid      asn1.ObjectIdentifier
	critical bool
	value    any
}

func encodeExtensions(list []extension) ([]pkix.Extension, error) {
	var out []pkix.Extension
	for _, e := range list {
		der, err := asn1.Marshal(e.value)
		if err != nil {
			return nil, fmt.Errorf("encode extension: %w", err)
		}
		out = append(out, pkix.Extension{Id: e.oid, Critical: e.critical, Value: der})
	}
	return out, nil
}
