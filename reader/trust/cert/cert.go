// Package cert reads the certificates and revocation lists of chip documents
// (RFC 5280, profiled by ICAO Doc 9303-12 §7) and verifies their signatures. It
// takes what crypto/x509 refuses: brainpool curves, explicit curve parameters,
// PSS with any hash. It builds no paths; package trust does.
package cert

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/reader/trust/der"
)

// MaxSize bounds a certificate in bytes.
const MaxSize = 64 << 10

const maxExtensions = 64

// Certificate is a parsed certificate. Its fields alias Raw and are not changed.
type Certificate struct {
	Raw, rawTBS         []byte
	Serial              []byte // content of the INTEGER, sign included
	Issuer, Subject     Name
	NotBefore, NotAfter time.Time
	Key                 PublicKey
	SubjectKeyID        []byte
	AuthorityKeyID      []byte
	IsCA                bool
	KeyUsage            KeyUsage // 0 when the extension is missing
	Purposes            []string // extended key usage, dotted
	unknown             string   // a critical extension that nobody here understands

	algorithm Algorithm
	signature []byte
}

// KeyUsage has bit n set for bit n of RFC 5280 §4.2.1.3.
type KeyUsage uint16

// The usages that chip documents need.
const (
	DigitalSignature KeyUsage = 1 << 0
	CertSign         KeyUsage = 1 << 5
	CRLSign          KeyUsage = 1 << 6
)

// Parse reads one DER certificate and nothing after it. Keys and algorithms
// that are not supported are no errors: they show where they are used.
func Parse(b []byte) (*Certificate, error) {
	if len(b) > MaxSize {
		return nil, errors.New("certificate is too large")
	}
	r := der.New(b)
	c := &Certificate{Raw: b}
	outer := r.Open(der.Sequence)
	c.rawTBS = outer.Raw(der.Sequence)
	algorithm := outer.Raw(der.Sequence)
	c.signature = outer.Octets()
	outer.End()
	r.End()
	c.readTBS(r, algorithm)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return c, nil
}

func (c *Certificate) readTBS(r *der.Reader, algorithm []byte) {
	t := r.Of(c.rawTBS)
	t = t.Open(der.Sequence)
	version := 0
	if t.Peek(der.Context(0)) {
		v := t.Open(der.Context(0))
		version = v.Small()
		v.End()
	}
	if c.Serial = t.Value(der.Integer); len(c.Serial) == 0 {
		t.Fail("serial number is empty")
	}
	inner := t.Raw(der.Sequence)
	sameBytes(r, inner, algorithm)
	c.algorithm = ReadAlgorithm(r.Of(algorithm))
	c.Issuer = ReadName(t)
	validity := t.Open(der.Sequence)
	c.NotBefore, c.NotAfter = validity.Time(), validity.Time()
	validity.End()
	c.Subject = ReadName(t)
	c.Key = readKey(t)
	for n := 1; n <= 2; n++ { // issuerUniqueID, subjectUniqueID
		if t.Peek(der.Primitive(n)) {
			t.Value(der.Primitive(n))
		}
	}
	if t.Peek(der.Context(3)) {
		if version != 2 {
			t.Fail("extensions in a certificate of an old version")
		}
		wrapped := t.Open(der.Context(3))
		c.unknown = readExtensions(wrapped, c.extension)
		wrapped.End()
	}
	t.End()
}

// readExtensions hands every extension to known, which says whether it
// understood it; the result names a critical one that it did not.
func readExtensions(r *der.Reader, known func(oid string, value *der.Reader) bool) (unknown string) {
	list := r.Open(der.Sequence)
	seen := map[string]bool{}
	for !list.Empty() {
		e := list.Open(der.Sequence)
		oid := e.OID()
		critical := e.Peek(der.Boolean) && e.Bool()
		value := e.Open(der.OctetString)
		e.End()
		if seen[oid] {
			list.Fail("extension %s appears twice", oid)
		}
		if seen[oid] = true; len(seen) > maxExtensions {
			list.Fail("too many extensions")
		}
		if list.Err() != nil {
			return ""
		}
		if !known(oid, value) && critical {
			unknown = oid
		}
	}
	return unknown
}

func (c *Certificate) extension(oid string, v *der.Reader) bool {
	switch oid {
	case "2.5.29.14":
		c.SubjectKeyID = v.Value(der.OctetString)
		v.End()
	case "2.5.29.35":
		c.AuthorityKeyID = readAuthorityKey(v)
	case "2.5.29.19":
		s := v.Open(der.Sequence)
		c.IsCA = s.Peek(der.Boolean) && s.Bool()
		if s.Peek(der.Integer) {
			s.Small()
		}
		s.End()
	case "2.5.29.15":
		c.KeyUsage = readKeyUsage(v)
	case "2.5.29.37":
		for s := v.Open(der.Sequence); !s.Empty(); {
			c.Purposes = append(c.Purposes, s.OID())
		}
	case "2.5.29.16", "2.5.29.17", "2.5.29.18", "2.5.29.31", "2.5.29.32", "2.23.136.1.1.6.1", "2.23.136.1.1.6.2":
		// private key's period, alternative names, CRL addresses, policies, change
		// of name, document types (Doc 9303-12 §7.1.1): they restrict nothing here
	default:
		return false
	}
	return true
}

func readAuthorityKey(v *der.Reader) (id []byte) {
	for s := v.Open(der.Sequence); !s.Empty(); {
		if tag, value, _ := s.Any(); tag == der.Primitive(0) {
			id = value
		}
	}
	return id
}

func readKeyUsage(v *der.Reader) (u KeyUsage) {
	b := v.Value(der.BitString)
	v.End()
	if len(b) < 2 || len(b) > 3 || b[0] > 7 {
		v.Fail("key usage is malformed")
		return 0
	}
	for i := range 9 {
		if 1+i/8 < len(b) && b[1+i/8]>>(7-i%8)&1 == 1 {
			u |= 1 << i
		}
	}
	if u == 0 {
		v.Fail("key usage is empty")
	}
	return u
}

// Fingerprint is the SHA-256 of the whole certificate.
func (c *Certificate) Fingerprint() [sha256.Size]byte { return sha256.Sum256(c.Raw) }

// Equal compares whole certificates.
func (c *Certificate) Equal(o *Certificate) bool { return bytes.Equal(c.Raw, o.Raw) }

// MaySign says whether the certificate allows signing certificates.
func (c *Certificate) MaySign() bool {
	return c.IsCA && (c.KeyUsage == 0 || c.KeyUsage&CertSign != 0)
}

// SelfIssued says whether subject and issuer have the same name, as the root
// and link certificates of a state have.
func (c *Certificate) SelfIssued() bool { return c.Subject.Canonical() == c.Issuer.Canonical() }

// ValidAt says whether t is within the period of validity.
func (c *Certificate) ValidAt(t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

// Understood is nil or an *UnsupportedError that names a critical extension
// which this program does not know.
func (c *Certificate) Understood() error {
	if c.unknown != "" {
		return &UnsupportedError{"critical extension " + c.unknown}
	}
	return nil
}

// SignedBy checks the certificate's signature: nil, ErrSignature or an
// *UnsupportedError.
func (c *Certificate) SignedBy(issuer *Certificate) error {
	return issuer.Key.Verify(c.algorithm, 0, c.rawTBS, c.signature)
}

// IssuedBy says whether issuer may have issued a certificate or list with that
// issuer name and authority key identifier: by key identifier where both carry
// one, else by name (Doc 9303-12 §7.1.1). It checks no signature.
func IssuedBy(name Name, authority []byte, issuer *Certificate) bool {
	if len(authority) > 0 && len(issuer.SubjectKeyID) > 0 {
		return bytes.Equal(authority, issuer.SubjectKeyID)
	}
	return name.Canonical() == issuer.Subject.Canonical()
}
