package cert

import (
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/enrold/enrold/reader/ec"
	"github.com/enrold/enrold/reader/trust/der"
)

// Keys beyond these sizes are not used: shorter ones are broken, longer ones
// only cost time.
const (
	minRSABits = 1024
	maxRSABits = 8192
)

// PublicKey is an RSA or an elliptic curve key.
type PublicKey struct {
	rsa    *rsa.PublicKey
	curve  *ec.Curve
	point  ec.Point
	pss    bool   // the key is for PSS only
	reason string // why it is not supported
}

// String names the kind of key: "RSA 2048", "brainpoolP384r1".
func (k PublicKey) String() string {
	switch {
	case k.reason != "":
		return "unsupported: " + k.reason
	case k.rsa != nil:
		return fmt.Sprintf("RSA %d", k.rsa.N.BitLen())
	}
	return k.curve.Name
}

// Supported is nil or an *UnsupportedError that says what is missing.
func (k PublicKey) Supported() error {
	if k.reason != "" {
		return &UnsupportedError{k.reason}
	}
	return nil
}

// readKey reads SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
func readKey(r *der.Reader) PublicKey {
	info := r.Open(der.Sequence)
	algorithm := info.Open(der.Sequence)
	bits := info.Octets()
	info.End()
	if r.Err() != nil {
		return PublicKey{}
	}
	switch oid := algorithm.OID(); oid {
	case oidRSA, oidPSS:
		k := readRSA(r.Of(bits))
		k.pss = oid == oidPSS
		return k
	case oidEC:
		return readEC(algorithm, bits)
	default:
		return PublicKey{reason: fmt.Sprintf("key algorithm %s", oid)}
	}
}

// readRSA reads RSAPublicKey (RFC 8017 appendix A.1.1).
func readRSA(r *der.Reader) PublicKey {
	s := r.Open(der.Sequence)
	r.End()
	n, e := new(big.Int).SetBytes(s.Natural()), new(big.Int).SetBytes(s.Natural())
	s.End()
	switch bits := n.BitLen(); {
	case r.Err() != nil:
		return PublicKey{}
	case bits < minRSABits || bits > maxRSABits:
		return PublicKey{reason: fmt.Sprintf("RSA key of %d bits", bits)}
	case n.Bit(0) == 0 || e.Bit(0) == 0 || e.BitLen() > 31 || e.Cmp(big.NewInt(3)) < 0:
		return PublicKey{reason: "RSA key with an unusual exponent or modulus"}
	}
	return PublicKey{rsa: &rsa.PublicKey{N: n, E: int(e.Int64())}}
}

// readEC reads ECParameters, named or explicit (RFC 3279 §2.3.5; Doc 9303-12
// §4.1.6.2 asks for explicit ones), and the point.
func readEC(algorithm *der.Reader, bits []byte) PublicKey {
	var curve *ec.Curve
	reason := "curve with explicit parameters that are not a known curve's"
	switch {
	case algorithm.Peek(der.ObjectID):
		oid := algorithm.OID()
		curve, reason = ec.ByOID(oid), fmt.Sprintf("curve %s", oid)
	case algorithm.Peek(der.Sequence):
		curve = explicitCurve(algorithm.Open(der.Sequence))
	default:
		algorithm.Fail("curve is missing")
	}
	algorithm.End()
	if algorithm.Err() != nil {
		return PublicKey{}
	}
	if curve == nil {
		return PublicKey{reason: reason}
	}
	point, err := curve.Decode(bits)
	if err != nil {
		algorithm.Fail("public key: %w", err)
	}
	return PublicKey{curve: curve, point: point}
}

// explicitCurve reads SpecifiedECDomain and finds the known curve with exactly
// these parameters.
func explicitCurve(r *der.Reader) *ec.Curve {
	version := r.Small()
	field := r.Open(der.Sequence)
	if version < 1 || version > 3 {
		r.Fail("version of curve parameters is unknown")
	}
	if field.OID() != "1.2.840.10045.1.1" { // prime-field
		return nil
	}
	p := number(field.Natural())
	field.End()
	coefficients := r.Open(der.Sequence)
	a, b := number(coefficients.Value(der.OctetString)), number(coefficients.Value(der.OctetString))
	if coefficients.Peek(der.BitString) { // seed
		coefficients.Value(der.BitString)
	}
	coefficients.End()
	base := r.Value(der.OctetString)
	n := number(r.Natural())
	if r.Peek(der.Integer) && r.Small() != 1 { // cofactor
		return nil
	}
	if r.Err() != nil || len(base) == 0 {
		return nil
	}
	// The base point may be compressed: the known curve decodes it.
	for _, c := range ec.Curves() {
		if c.P.Cmp(p) != 0 {
			continue
		}
		if g, err := c.Decode(base); err == nil {
			if found := ec.ByParameters(p, a, b, g.X, g.Y, n); found != nil {
				return found
			}
		}
	}
	return nil
}

// number bounds what an attacker can make big.
func number(b []byte) *big.Int {
	if len(b) > 128 {
		b = nil
	}
	return new(big.Int).SetBytes(b)
}
