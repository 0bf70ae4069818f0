package cert

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // certificates and security objects of old documents
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"

	"github.com/enrold/enrold/reader/trust/der"
)

// UnsupportedError says what this program cannot verify. It is not a failed
// signature: the check could not be done.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return e.What + " is not supported" }

// scheme is how a signature is made.
type scheme int

const (
	unknownScheme scheme = iota
	pkcs1                // RSASSA-PKCS1-v1_5, RFC 8017 §8.2
	pss                  // RSASSA-PSS, RFC 8017 §8.1
	ecdsaDER             // ECDSA, X9.62: SEQUENCE { r, s }
	ecdsaPlain           // ECDSA, TR-03111 §5.2.1: r || s
)

// Algorithm is a signature algorithm with its parameters.
type Algorithm struct {
	OID    string
	Hash   crypto.Hash // 0 where the identifier leaves it open (rsaEncryption, id-ecPublicKey)
	scheme scheme
	mgf    crypto.Hash // of PSS's mask generation
	salt   int         // of PSS, in bytes
	reason string      // why it is not supported
}

var hashes = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

const (
	oidRSA = "1.2.840.113549.1.1.1"
	oidPSS = "1.2.840.113549.1.1.10"
	oidEC  = "1.2.840.10045.2.1"
	oidMGF = "1.2.840.113549.1.1.8"
)

// algorithms: RFC 8017 appendix C, RFC 3279 §2.2.3, RFC 5758 §3.2, TR-03111 §5.2.1.
var algorithms = map[string]Algorithm{
	oidRSA:                    {scheme: pkcs1},
	"1.2.840.113549.1.1.5":    {scheme: pkcs1, Hash: crypto.SHA1},
	"1.3.14.3.2.29":           {scheme: pkcs1, Hash: crypto.SHA1},
	"1.2.840.113549.1.1.14":   {scheme: pkcs1, Hash: crypto.SHA224},
	"1.2.840.113549.1.1.11":   {scheme: pkcs1, Hash: crypto.SHA256},
	"1.2.840.113549.1.1.12":   {scheme: pkcs1, Hash: crypto.SHA384},
	"1.2.840.113549.1.1.13":   {scheme: pkcs1, Hash: crypto.SHA512},
	oidEC:                     {scheme: ecdsaDER},
	"1.2.840.10045.4.1":       {scheme: ecdsaDER, Hash: crypto.SHA1},
	"1.2.840.10045.4.3.1":     {scheme: ecdsaDER, Hash: crypto.SHA224},
	"1.2.840.10045.4.3.2":     {scheme: ecdsaDER, Hash: crypto.SHA256},
	"1.2.840.10045.4.3.3":     {scheme: ecdsaDER, Hash: crypto.SHA384},
	"1.2.840.10045.4.3.4":     {scheme: ecdsaDER, Hash: crypto.SHA512},
	"0.4.0.127.0.7.1.1.4.1.1": {scheme: ecdsaPlain, Hash: crypto.SHA1},
	"0.4.0.127.0.7.1.1.4.1.2": {scheme: ecdsaPlain, Hash: crypto.SHA224},
	"0.4.0.127.0.7.1.1.4.1.3": {scheme: ecdsaPlain, Hash: crypto.SHA256},
	"0.4.0.127.0.7.1.1.4.1.4": {scheme: ecdsaPlain, Hash: crypto.SHA384},
	"0.4.0.127.0.7.1.1.4.1.5": {scheme: ecdsaPlain, Hash: crypto.SHA512},
}

// ReadHash reads the AlgorithmIdentifier of a hash function. An unknown one is
// 0 with its identifier; parameters other than absent and NULL are an error.
func ReadHash(r *der.Reader) (crypto.Hash, string) {
	a := r.Open(der.Sequence)
	oid := a.OID()
	noParameters(a)
	return hashes[oid], oid
}

func noParameters(r *der.Reader) {
	if !r.Empty() && len(r.Value(der.Null)) > 0 {
		r.Fail("parameters are malformed")
	}
	r.End()
}

// ReadAlgorithm reads the AlgorithmIdentifier of a signature. One that is not
// known is no error: Verify says what is missing.
func ReadAlgorithm(r *der.Reader) Algorithm {
	a := r.Open(der.Sequence)
	oid := a.OID()
	if oid == oidPSS {
		return readPSS(a)
	}
	found, known := algorithms[oid]
	found.OID = oid
	switch {
	case !known:
		found.reason = fmt.Sprintf("signature algorithm %s", oid)
	case oid == oidEC:
		// Some issuers put the key's identifier and domain parameters here.
	default:
		noParameters(a)
	}
	return found
}

// readPSS reads RSASSA-PSS-params (RFC 4055 §3.1): every field has a default.
func readPSS(a *der.Reader) Algorithm {
	p := Algorithm{OID: oidPSS, scheme: pss, Hash: crypto.SHA1, mgf: crypto.SHA1, salt: 20}
	if a.Empty() { // RFC 4055 §3.1: a signature must have parameters
		a.Fail("parameters of PSS are missing")
		return p
	}
	s := a.Open(der.Sequence)
	a.End()
	unknown := func(h crypto.Hash, oid string) crypto.Hash {
		if h == 0 {
			p.reason = fmt.Sprintf("hash algorithm %s of PSS", oid)
		}
		return h
	}
	if s.Peek(der.Context(0)) {
		f := s.Open(der.Context(0))
		p.Hash = unknown(ReadHash(f))
		f.End()
	}
	if s.Peek(der.Context(1)) {
		f := s.Open(der.Context(1))
		g := f.Open(der.Sequence)
		f.End()
		if oid := g.OID(); oid != oidMGF {
			p.reason = fmt.Sprintf("mask generation %s of PSS", oid)
		} else {
			p.mgf = unknown(ReadHash(g))
			g.End()
		}
	}
	if s.Peek(der.Context(2)) {
		f := s.Open(der.Context(2))
		p.salt = f.Small()
		f.End()
	}
	if s.Peek(der.Context(3)) {
		f := s.Open(der.Context(3))
		if f.Small() != 1 {
			s.Fail("trailer of PSS is unknown")
		}
		f.End()
	}
	s.End()
	return p
}

// sameBytes is what RFC 5280 §4.1.1.2 wants of the two algorithm fields of a
// certificate: the outer one is not signed, so it must repeat the inner one.
func sameBytes(r *der.Reader, a, b []byte) {
	if r.Err() == nil && !bytes.Equal(a, b) {
		r.Fail("the two signature algorithms differ")
	}
}
