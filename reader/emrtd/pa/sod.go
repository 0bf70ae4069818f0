// Package pa does passive authentication (ICAO Doc 9303-11 §5.1): the document
// security object's signature, its signer's certificate against the trust
// store, and the hash of every data group that was read.
package pa

import (
	"crypto"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/tlv"
	"github.com/enrold/enrold/reader/trust/cert"
	"github.com/enrold/enrold/reader/trust/der"
)

// SecurityObject is EF.SOD, taken apart but not verified.
type SecurityObject struct {
	hash    crypto.Hash
	groups  map[int][]byte
	version string // of the LDS, "0108"; empty when the object does not say
	content []byte // LDSSecurityObject as signed
	cms     []byte // SignedData around it
}

const (
	maxSOD = 64 << 10
	oidLDS = "2.23.136.1.1.1" // id-icao-mrtd-security-ldsSecurityObject
)

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
	o, rest, err := tlv.Next(file)
	if err != nil {
		return nil, err
	}
	if o.Tag != 0x77 || len(rest) > 0 {
		return nil, errors.New("file is not one security object")
	}
	s := &SecurityObject{cms: o.Value, groups: make(map[int][]byte)}
	if s.content, err = signedContent(s.cms); err != nil {
		if s.cms, _ = der.FromBER(o.Value); s.cms == nil {
			return nil, err
		}
		if s.content, err = signedContent(s.cms); err != nil {
			return nil, err
		}
	}
	if err := s.readHashes(der.New(s.content)); err != nil {
		return nil, fmt.Errorf("hash list: %w", err)
	}
	return s, nil
}

// readHashes reads LDSSecurityObject, version 0 or 1 (Doc 9303-10 §4.6.2.3).
func (s *SecurityObject) readHashes(r *der.Reader) error {
	object := r.Open(der.Sequence)
	version := object.Small()
	if version > 1 {
		object.Fail("version %d is unknown", version)
	}
	var oid string
	if s.hash, oid = cert.ReadHash(object); s.hash == 0 {
		object.Fail("hash algorithm %s is unknown", oid)
	}
	for list := object.Open(der.Sequence); !list.Empty(); {
		g := list.Open(der.Sequence)
		n, sum := g.Small(), g.Value(der.OctetString)
		g.End()
		if n < 1 || n > 16 || len(sum) != s.hash.Size() || s.groups[n] != nil {
			list.Fail("entry of DG%d is malformed", n)
			break
		}
		s.groups[n] = sum
	}
	if len(s.groups) == 0 {
		object.Fail("no data group in it")
	}
	// Version 1 tells the version of LDS and Unicode, version 0 must not; what
	// is signed and harmless does not make a document a forgery.
	if version == 1 || object.Peek(der.Sequence) {
		info := object.Open(der.Sequence)
		s.version = string(info.Value(der.PrintableString))
		info.Value(der.PrintableString)
		info.End()
	}
	object.End()
	return r.Done()
}

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
	r := der.New(b)
	if r.OID() != oidLDS {
		return nil, errors.New("signed content is no hash list of data groups")
	}
	wrapped := r.Open(der.Context(0))
	content := wrapped.Value(der.OctetString)
	wrapped.End()
	return content, r.Done()
}

// Hash is the algorithm of the data groups' hashes.
func (s *SecurityObject) Hash() crypto.Hash { return s.hash }

// Lists says whether the security object has a hash for data group n.
func (s *SecurityObject) Lists(n int) bool { return s.groups[n] != nil }

// LDSVersion is the version of the logical data structure as signed, "0108";
// empty when the object is of version 0.
func (s *SecurityObject) LDSVersion() string { return s.version }
