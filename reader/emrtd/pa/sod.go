// Package pa does passive authentication (ICAO Doc 9303-11 §5.1): the document
// security object's signature, its signer's certificate against the trust
// store, and the hash of every data group that was read.
package pa

import (
	"crypto"
	_ "crypto/sha1" // security objects of old documents
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/tlv"
)

// SecurityObject is EF.SOD, taken apart but not verified.
type SecurityObject struct {
	hash    crypto.Hash
	groups  map[int][]byte
	content []byte // LDSSecurityObject as signed
	cms     []byte // SignedData around it
}

const maxSOD = 64 << 10

var hashes = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}, crypto.SHA224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

// ldsSecurityObject is the signed content (Doc 9303-10 §4.6.2.3).
type ldsSecurityObject struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Groups    []struct {
		Number int
		Hash   []byte
	}
	Info asn1.RawValue `asn1:"optional"`
}

// Parse takes EF.SOD apart: tag 77, CMS SignedData, LDSSecurityObject. It looks
// at no certificate, so that hashes can be compared even where the signature's
// algorithm is not supported.
func Parse(file []byte) (*SecurityObject, error) {
	s, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("EF.SOD: %w", err)
	}
	return s, nil
}

func parse(file []byte) (*SecurityObject, error) {
	if len(file) > maxSOD {
		return nil, errors.New("file is too large")
	}
	cms, err := tlv.Find(file, 0x77)
	if err != nil {
		return nil, err
	}
	content, err := signedContent(cms)
	if err != nil {
		return nil, err
	}
	var lds ldsSecurityObject
	if rest, err := asn1.Unmarshal(content, &lds); err != nil || len(rest) > 0 {
		return nil, errors.New("hash list is malformed")
	}
	s := &SecurityObject{content: content, cms: cms, groups: make(map[int][]byte)}
	for _, h := range hashes {
		if h.oid.Equal(lds.Algorithm.Algorithm) {
			s.hash = h.hash
		}
	}
	if s.hash == 0 {
		return nil, errors.New("hash algorithm is unknown")
	}
	for _, g := range lds.Groups {
		if g.Number < 1 || g.Number > 16 || len(g.Hash) != s.hash.Size() || s.groups[g.Number] != nil {
			return nil, errors.New("hash list is malformed")
		}
		s.groups[g.Number] = g.Hash
	}
	if len(s.groups) == 0 {
		return nil, errors.New("hash list is empty")
	}
	return s, nil
}

// oidLDS is id-icao-mrtd-security-ldsSecurityObject, 2.23.136.1.1.1.
var oidLDS = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}

// signedContent walks ContentInfo, SignedData, EncapsulatedContentInfo
// (RFC 5652 §3, §5.1, §5.2) to the content.
func signedContent(cms []byte) ([]byte, error) {
	b, err := tlv.Find(cms, 0x30) // ContentInfo
	for _, tag := range []uint32{0xA0, 0x30, 0x30} {
		// [0] → SignedData → the first SEQUENCE in it is EncapsulatedContentInfo
		if err != nil {
			return nil, err
		}
		b, err = tlv.Find(b, tag)
	}
	if err != nil {
		return nil, err
	}
	var kind asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(b, &kind)
	if err != nil || !kind.Equal(oidLDS) {
		return nil, errors.New("signed content is no hash list of data groups")
	}
	wrapped, err := tlv.Find(rest, 0xA0)
	if err != nil {
		return nil, err
	}
	return tlv.Find(wrapped, 0x04)
}

// Hash is the algorithm of the data groups' hashes.
func (s *SecurityObject) Hash() crypto.Hash { return s.hash }

// Lists says whether the security object has a hash for data group n.
func (s *SecurityObject) Lists(n int) bool { return s.groups[n] != nil }
