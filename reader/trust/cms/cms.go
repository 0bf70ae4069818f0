// Package cms reads and verifies signed messages (CMS SignedData, RFC 5652 §5)
// as chip documents and master lists carry them: content enclosed, signed
// attributes present, one encoding only.
package cms

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/reader/trust/cert"
	"github.com/enrold/enrold/reader/trust/der"
)

const (
	oidSignedData    = "1.2.840.113549.1.7.2"
	oidContentType   = "1.2.840.113549.1.9.3"
	oidMessageDigest = "1.2.840.113549.1.9.4"
	oidSigningTime   = "1.2.840.113549.1.9.5"

	maxCertificates = 64
	maxSigners      = 8
	maxAttributes   = 32
)

// Message is a SignedData taken apart, not verified.
type Message struct {
	Type         string // of the content, dotted
	Content      []byte
	Certificates []*cert.Certificate
	Signers      []Signer
	malformed    int // certificates in it that cannot be read
}

// Signer is one signature of a message.
type Signer struct {
	issuer    cert.Name // with serial, or
	serial    []byte
	keyID     []byte // this
	digest    crypto.Hash
	digestOID string
	signed    []byte // the attributes as signed: a SET OF
	attrs     map[string][]byte
	algorithm cert.Algorithm
	signature []byte
}

// ErrSigner means that a message does not hold its signer's certificate.
var ErrSigner = errors.New("signer's certificate is missing")

// Parse reads ContentInfo with SignedData. It verifies nothing. What a signature
// does not cover must have the one form that the standards give it, so that no
// byte of a message can change unnoticed.
// A message in BER, as streaming writers make it, is rewritten first.
func Parse(b []byte) (*Message, error) {
	m, err := parse(b)
	if err == nil {
		return m, nil
	}
	if plain, bad := der.FromBER(b); bad == nil && !bytes.Equal(plain, b) {
		return parse(plain)
	}
	return nil, err
}

func parse(b []byte) (*Message, error) {
	r := der.New(b)
	info := r.Open(der.Sequence)
	if oid := info.OID(); oid != oidSignedData {
		r.Fail("no signed message")
	}
	wrapped := info.Open(der.Context(0))
	data := wrapped.Open(der.Sequence)
	wrapped.End()
	info.End()
	r.End()
	m := &Message{}
	m.read(data)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("signed message: %w", err)
	}
	return m, nil
}

func (m *Message) read(d *der.Reader) {
	version := d.Small()
	var digests []string
	for set := d.Open(der.Set); !set.Empty(); {
		h, oid := cert.ReadHash(set)
		if h == 0 {
			set.Fail("%w", &cert.UnsupportedError{What: "digest algorithm " + oid})
		}
		if len(digests) == maxSigners {
			set.Fail("too many digest algorithms")
		}
		digests = append(digests, oid)
	}
	content := d.Open(der.Sequence)
	m.Type = content.OID()
	wrapped := content.Open(der.Context(0))
	m.Content = wrapped.Value(der.OctetString)
	wrapped.End()
	content.End()
	if d.Peek(der.Context(0)) {
		m.readCertificates(d.Open(der.Context(0)))
	}
	if d.Peek(der.Context(1)) { // revocation lists: those of the trust store count
		d.Value(der.Context(1))
	}
	for set := d.Open(der.Set); !set.Empty(); {
		if len(m.Signers) == maxSigners {
			set.Fail("too many signers")
		}
		s := readSigner(set.Open(der.Sequence))
		if !slices.Contains(digests, s.digestOID) {
			set.Fail("digest algorithm of a signer is not announced")
		}
		m.Signers = append(m.Signers, s)
	}
	d.End()
	if version != 3 { // RFC 5652 §5.1: eContentType is not id-data
		d.Fail("version %d of a signed message", version)
	}
}

func (m *Message) readCertificates(set *der.Reader) {
	for !set.Empty() {
		if len(m.Certificates)+m.malformed == maxCertificates {
			set.Fail("too many certificates")
			return
		}
		_, _, raw := set.Any()
		c, err := cert.Parse(raw)
		if err != nil {
			m.malformed++ // it may not be the signer's
			continue
		}
		m.Certificates = append(m.Certificates, c)
	}
}

func readSigner(r *der.Reader) (s Signer) {
	version := r.Small()
	want := 1
	if r.Peek(der.Primitive(0)) {
		s.keyID, want = r.Value(der.Primitive(0)), 3
	} else {
		id := r.Open(der.Sequence)
		s.issuer = cert.ReadName(id)
		s.serial = id.Value(der.Integer)
		id.End()
	}
	if version != want {
		r.Fail("version %d of a signer", version)
	}
	s.digest, s.digestOID = cert.ReadHash(r)
	if r.Peek(der.Context(0)) {
		raw := r.Raw(der.Context(0))
		// RFC 5652 §5.4: the signature covers the attributes as a SET OF, while
		// the message carries them under [0].
		s.signed = append([]byte{der.Set}, raw[min(1, len(raw)):]...)
		s.readAttributes(r.Of(s.signed))
	}
	s.algorithm = cert.ReadAlgorithm(r)
	s.signature = r.Value(der.OctetString)
	if r.Peek(der.Context(1)) { // unsigned attributes
		r.Value(der.Context(1))
	}
	r.End()
	return s
}

func (s *Signer) readAttributes(r *der.Reader) {
	s.attrs = map[string][]byte{}
	for set := r.Open(der.Set); !set.Empty(); {
		a := set.Open(der.Sequence)
		oid := a.OID()
		values := a.Value(der.Set)
		a.End()
		if _, twice := s.attrs[oid]; twice || len(s.attrs) == maxAttributes {
			set.Fail("signed attribute %s appears twice", oid)
			return
		}
		s.attrs[oid] = values
	}
}

// Certificate finds the signer's certificate in the message. The identifier is
// not signed: nothing but the string types of the issuer's name may differ.
func (m *Message) Certificate(s Signer) (*cert.Certificate, error) {
	for _, c := range m.Certificates {
		if len(s.keyID) > 0 {
			if bytes.Equal(s.keyID, c.SubjectKeyID) {
				return c, nil
			}
			continue
		}
		if bytes.Equal(s.serial, c.Serial) && s.issuer.SameText(c.Issuer) {
			return c, nil
		}
	}
	if m.malformed > 0 {
		return nil, errors.New("signer's certificate is malformed")
	}
	return nil, ErrSigner
}

// The ways in which a signature can be wrong beside cert.ErrSignature.
var (
	ErrAttributes = errors.New("signed attributes are missing or do not fit the content")
	ErrDigest     = errors.New("digest of the signed content differs")
)

// Verify checks the digest of the content and the signature under the key of c
// (RFC 5652 §5.4, §5.6). Signed attributes are required: without them, or with
// those of another content type, bytes signed for another purpose could pass.
// It returns nil, ErrAttributes, ErrDigest, cert.ErrSignature or a
// *cert.UnsupportedError.
func (m *Message) Verify(s Signer, c *cert.Certificate) error {
	if s.digest == 0 {
		return &cert.UnsupportedError{What: "digest algorithm " + s.digestOID}
	}
	kind := der.New(s.attrs[oidContentType])
	if oid := kind.OID(); kind.Done() != nil || oid != m.Type {
		return ErrAttributes
	}
	digest := der.New(s.attrs[oidMessageDigest])
	want := digest.Value(der.OctetString)
	if digest.Done() != nil {
		return ErrAttributes
	}
	h := s.digest.New()
	h.Write(m.Content)
	if subtle.ConstantTimeCompare(h.Sum(nil), want) != 1 {
		return ErrDigest
	}
	return c.Key.Verify(s.algorithm, s.digest, s.signed, s.signature)
}

// SigningTime is the time that the signer states; false when it states none
// (RFC 5652 §11.3).
func (s Signer) SigningTime() (t time.Time, stated bool, err error) {
	value, stated := s.attrs[oidSigningTime]
	if !stated {
		return time.Time{}, false, nil
	}
	r := der.New(value)
	t = r.Time()
	return t, true, r.Done()
}
