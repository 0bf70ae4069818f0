package cert

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/reader/trust/der"
)

// MaxCRLSize bounds a revocation list in bytes.
const MaxCRLSize = 8 << 20

// CRL is a parsed certificate revocation list (RFC 5280 §5, Doc 9303-12 §7.1.3).
type CRL struct {
	Raw, rawTBS    []byte
	Issuer         Name
	AuthorityKeyID []byte
	ThisUpdate     time.Time
	NextUpdate     time.Time // zero when the list names none
	Number         []byte
	unknown        string
	revoked        map[string]time.Time // by serial number
	algorithm      Algorithm
	signature      []byte
}

// ParseCRL reads one DER revocation list and nothing after it. Lists that cover
// only a part of the issuer's certificates (delta, indirect, by distribution
// point) are an error, since states do not issue them (Doc 9303-12 §7.1.3).
func ParseCRL(b []byte) (*CRL, error) {
	if len(b) > MaxCRLSize {
		return nil, errors.New("revocation list is too large")
	}
	r := der.New(b)
	l := &CRL{Raw: b, revoked: map[string]time.Time{}}
	outer := r.Open(der.Sequence)
	l.rawTBS = outer.Raw(der.Sequence)
	algorithm := outer.Raw(der.Sequence)
	l.signature = outer.Octets()
	outer.End()
	r.End()
	l.readTBS(r, algorithm)
	if l.unknown != "" {
		r.Fail("critical extension %s is not supported", l.unknown)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("revocation list: %w", err)
	}
	return l, nil
}

func (l *CRL) readTBS(r *der.Reader, algorithm []byte) {
	t := r.Of(l.rawTBS)
	t = t.Open(der.Sequence)
	version := 0
	if t.Peek(der.Integer) {
		version = t.Small()
	}
	inner := t.Raw(der.Sequence)
	sameBytes(r, inner, algorithm)
	l.algorithm = ReadAlgorithm(r.Of(algorithm))
	l.Issuer = ReadName(t)
	l.ThisUpdate = t.Time()
	if t.Peek(der.UTCTime) || t.Peek(der.GeneralizedTime) {
		l.NextUpdate = t.Time()
	}
	if t.Peek(der.Sequence) {
		for list := t.Open(der.Sequence); !list.Empty(); {
			l.readEntry(list.Open(der.Sequence))
		}
	}
	if t.Peek(der.Context(0)) {
		if version != 1 {
			t.Fail("extensions in a list of an old version")
		}
		wrapped := t.Open(der.Context(0))
		l.unknown = readExtensions(wrapped, l.extension)
		wrapped.End()
	}
	t.End()
}

func (l *CRL) readEntry(e *der.Reader) {
	serial := e.Value(der.Integer)
	at := e.Time()
	if !e.Empty() {
		unknown := readExtensions(e, func(oid string, _ *der.Reader) bool {
			return oid == "2.5.29.21" || oid == "2.5.29.24" // reason, invalidity date
		})
		if unknown != "" {
			l.unknown = unknown
		}
	}
	e.End()
	l.revoked[string(serial)] = at
}

func (l *CRL) extension(oid string, v *der.Reader) bool {
	switch oid {
	case "2.5.29.35":
		l.AuthorityKeyID = readAuthorityKey(v)
	case "2.5.29.20":
		l.Number = v.Natural()
		v.End()
	case "2.5.29.18": // issuer's alternative name
	default:
		return false
	}
	return true
}

// Revoked says whether a certificate of this issuer is on the list, and since when.
func (l *CRL) Revoked(c *Certificate) (time.Time, bool) {
	at, found := l.revoked[string(c.Serial)]
	return at, found
}

// Len is the number of revoked certificates.
func (l *CRL) Len() int { return len(l.revoked) }

// SignedBy checks the list's signature and that the issuer may sign lists: nil,
// ErrSignature or an *UnsupportedError.
func (l *CRL) SignedBy(issuer *Certificate) error {
	if issuer.KeyUsage != 0 && issuer.KeyUsage&CRLSign == 0 {
		return fmt.Errorf("%w: issuer may not sign revocation lists", ErrSignature)
	}
	return issuer.Key.Verify(l.algorithm, 0, l.rawTBS, l.signature)
}

// Equal compares whole lists.
func (l *CRL) Equal(o *CRL) bool { return bytes.Equal(l.Raw, o.Raw) }

// Newer says whether l supersedes o, a list of the same issuer.
func (l *CRL) Newer(o *CRL) bool { return l.ThisUpdate.After(o.ThisUpdate) }
