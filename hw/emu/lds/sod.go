package lds

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/enrold/enrold/hw/emu/lds/ber"
)

var (
	oidLDSSecurityObject = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}
	oidSignedData        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidSecurityObject    = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 2, 1} // of EF.CardSecurity
)

// The structures of RFC 5652 §5 and Doc 9303-10 §4.6.2. encoding/asn1 writes
// them; smallstep/pkcs7 cannot, since it fixes eContentType and version.
type (
	ldsSecurityObject struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Hashes    []dataGroupHash
		LDS       ldsVersionInfo `asn1:"optional"` // version 1 only
	}
	ldsVersionInfo struct {
		LDS     string `asn1:"printable"`
		Unicode string `asn1:"printable"`
	}
	dataGroupHash struct {
		Number int
		Hash   []byte
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values []asn1.RawValue `asn1:"set"`
	}
	issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	signerInfo struct {
		Version            int
		SID                issuerAndSerial
		DigestAlgorithm    pkix.AlgorithmIdentifier
		SignedAttrs        asn1.RawValue // [0] IMPLICIT SET OF attribute
		SignatureAlgorithm pkix.AlgorithmIdentifier
		Signature          []byte
	}
	encapsulated struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
	signedData struct {
		Version          int
		DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
		Encapsulated     encapsulated
		Certificates     asn1.RawValue // [0] IMPLICIT SET OF certificate
		SignerInfos      []signerInfo  `asn1:"set"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	}
)

// sod returns EF.SOD: tag 77 around a SignedData over the hash of every data
// group, signed by s. With LDS 1.8 the versions stand in the security object too.
func sod(groups map[int][]byte, s signer, at time.Time, version string) ([]byte, error) {
	object := ldsSecurityObject{Algorithm: s.signature.digestAlgorithm()}
	for n, content := range groups {
		object.Hashes = append(object.Hashes, dataGroupHash{Number: n, Hash: s.signature.digest(content)})
	}
	slices.SortFunc(object.Hashes, func(a, b dataGroupHash) int { return a.Number - b.Number })
	if version == lds18 {
		object.Version, object.LDS = 1, ldsVersionInfo{version, unicodeVersion}
	}
	content, err := asn1.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode security object: %w", err)
	}
	cms, err := signData(oidLDSSecurityObject, content, s, at)
	if err != nil {
		return nil, err
	}
	return ber.TLV(0x77, cms), nil
}

// signData is a SignedData (RFC 5652 §5.1) over content.
func signData(kind asn1.ObjectIdentifier, content []byte, s signer, at time.Time) ([]byte, error) {
	info, err := sign(kind, content, s, at)
	if err != nil {
		return nil, err
	}
	cms, err := asn1.Marshal(contentInfo{Type: oidSignedData, Content: signedData{
		Version:          3, // RFC 5652 §5.1: eContentType is not id-data
		DigestAlgorithms: []pkix.AlgorithmIdentifier{s.signature.digestAlgorithm()},
		Encapsulated:     encapsulated{Type: kind, Content: content},
		Certificates:     asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: s.certificate.raw},
		SignerInfos:      []signerInfo{info},
	}})
	if err != nil {
		return nil, fmt.Errorf("encode signed data: %w", err)
	}
	return cms, nil
}

func sign(kind asn1.ObjectIdentifier, content []byte, s signer, at time.Time) (signerInfo, error) {
	var attrs []attribute
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value any
	}{{oidContentType, kind}, {oidMessageDigest, s.signature.digest(content)}, {oidSigningTime, at.UTC()}} {
		der, err := asn1.Marshal(a.value)
		if err != nil {
			return signerInfo{}, fmt.Errorf("encode signed attribute: %w", err)
		}
		attrs = append(attrs, attribute{a.oid, []asn1.RawValue{{FullBytes: der}}})
	}
	// RFC 5652 §5.4: the signature covers the attributes as a SET OF in DER,
	// while the message carries them under [0].
	set, err := asn1.MarshalWithParams(attrs, "set")
	if err != nil {
		return signerInfo{}, fmt.Errorf("encode signed attributes: %w", err)
	}
	signature, err := s.signature.sign(s.key, set)
	if err != nil {
		return signerInfo{}, err
	}
	algorithm, err := s.signature.algorithm()
	if err != nil {
		return signerInfo{}, err
	}
	set[0] = 0xA0
	return signerInfo{
		Version:            1,
		SID:                issuerAndSerial{asn1.RawValue{FullBytes: s.certificate.issuer}, s.certificate.serial},
		DigestAlgorithm:    s.signature.digestAlgorithm(),
		SignedAttrs:        asn1.RawValue{FullBytes: set},
		SignatureAlgorithm: algorithm,
		Signature:          signature,
	}, nil
}
