package lds

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // the hashes that Signature names
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"

	"github.com/enrold/enrold/hw/emu/lds/domain"
)

// Signature is how a document signer signs: rsa-sha256, rsa-pss-sha512,
// ecdsa-brainpoolP384r1-sha384 (Doc 9303-12 §4.4). The hash serves data groups too.
type Signature struct {
	Hash  crypto.Hash
	Curve *domain.Curve // nil for RSA
	PSS   bool
}

var hashNames = map[string]crypto.Hash{
	"sha1": crypto.SHA1, "sha224": crypto.SHA224, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
}

// ParseSignature reads a name as above.
func ParseSignature(name string) (Signature, error) {
	var s Signature
	head, hash, found := cutLast(name, "-")
	var known bool
	s.Hash, known = hashNames[hash]
	if !found || !known {
		return s, fmt.Errorf("signature %q: want rsa-HASH, rsa-pss-HASH or ecdsa-CURVE-HASH with sha1, sha224, sha256, sha384 or sha512", name)
	}
	switch curve, isCurve := strings.CutPrefix(head, "ecdsa-"); {
	case isCurve:
		g, ok := domain.ByName(curve)
		if s.Curve, _ = g.(*domain.Curve); !ok || s.Curve == nil {
			return s, fmt.Errorf("signature %q: unknown curve", name)
		}
	case head == "rsa-pss":
		s.PSS = true
	case head != "rsa":
		return s, fmt.Errorf("signature %q: want rsa, rsa-pss or ecdsa", name)
	}
	return s, nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

var (
	oidMGF1    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidPSS     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidDigests = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1:   {1, 3, 14, 3, 2, 26},
		crypto.SHA224: {2, 16, 840, 1, 101, 3, 4, 2, 4},
		crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
		crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
		crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
	}
	oidRSAWith = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1:   {1, 2, 840, 113549, 1, 1, 5},
		crypto.SHA224: {1, 2, 840, 113549, 1, 1, 14},
		crypto.SHA256: {1, 2, 840, 113549, 1, 1, 11},
		crypto.SHA384: {1, 2, 840, 113549, 1, 1, 12},
		crypto.SHA512: {1, 2, 840, 113549, 1, 1, 13},
	}
	oidECDSAWith = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1:   {1, 2, 840, 10045, 4, 1},
		crypto.SHA224: {1, 2, 840, 10045, 4, 3, 1},
		crypto.SHA256: {1, 2, 840, 10045, 4, 3, 2},
		crypto.SHA384: {1, 2, 840, 10045, 4, 3, 3},
		crypto.SHA512: {1, 2, 840, 10045, 4, 3, 4},
	}
)

// pssParameters is RSASSA-PSS-params of RFC 4055 §3.1; the trailer is the default.
type pssParameters struct {
	Hash pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
	MGF  pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
	Salt int                      `asn1:"explicit,tag:2"`
}

// digestAlgorithm has no parameters (RFC 5754 §2).
func (s Signature) digestAlgorithm() pkix.AlgorithmIdentifier {
	return pkix.AlgorithmIdentifier{Algorithm: oidDigests[s.Hash]}
}

func (s Signature) algorithm() (pkix.AlgorithmIdentifier, error) {
	switch {
	case s.Curve != nil:
		return pkix.AlgorithmIdentifier{Algorithm: oidECDSAWith[s.Hash]}, nil
	case !s.PSS:
		return pkix.AlgorithmIdentifier{Algorithm: oidRSAWith[s.Hash], Parameters: asn1.NullRawValue}, nil
	}
	hash := pkix.AlgorithmIdentifier{Algorithm: oidDigests[s.Hash], Parameters: asn1.NullRawValue}
	inner, err := asn1.Marshal(hash)
	if err != nil {
		return pkix.AlgorithmIdentifier{}, fmt.Errorf("encode hash algorithm: %w", err)
	}
	der, err := asn1.Marshal(pssParameters{
		Hash: hash, Salt: s.Hash.Size(),
		MGF: pkix.AlgorithmIdentifier{Algorithm: oidMGF1, Parameters: asn1.RawValue{FullBytes: inner}},
	})
	if err != nil {
		return pkix.AlgorithmIdentifier{}, fmt.Errorf("encode parameters of RSA-PSS: %w", err)
	}
	return pkix.AlgorithmIdentifier{Algorithm: oidPSS, Parameters: asn1.RawValue{FullBytes: der}}, nil
}

func (s Signature) digest(data []byte) []byte {
	h := s.Hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// privateKey is one of a curve (scalar) or of RSA.
type privateKey struct {
	scalar *big.Int
	rsa    *rsa.PrivateKey
}

func (s Signature) sign(key privateKey, data []byte) ([]byte, error) {
	digest := s.digest(data)
	var out []byte
	var err error
	switch {
	case s.Curve != nil:
		return s.Curve.SignDER(key.scalar, digest, nil)
	case s.PSS:
		out, err = rsa.SignPSS(rand.Reader, key.rsa, s.Hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	default:
		out, err = rsa.SignPKCS1v15(nil, key.rsa, s.Hash, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("sign with RSA: %w", err)
	}
	return out, nil
}
