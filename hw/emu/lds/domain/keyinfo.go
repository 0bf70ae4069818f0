package domain

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
)

var (
	oidECPublicKey  = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidPrimeField   = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}
	oidKeyAgreement = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 3, 1} // PKCS #3 dhKeyAgreement
	oidStandardised = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 2}   // Doc 9303-11 §9.5.1
)

type (
	subjectPublicKeyInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	fieldID struct {
		Type  asn1.ObjectIdentifier
		Prime *big.Int
	}
	curveEquation struct{ A, B []byte }
	// ecParameters is ECParameters of RFC 3279 §2.3.5.
	ecParameters struct {
		Version  int
		Field    fieldID
		Equation curveEquation
		Base     []byte
		Order    *big.Int
		Cofactor int
	}
	dhParameter struct{ Prime, Base *big.Int } // PKCS #3 §9
)

// KeyInfo is the SubjectPublicKeyInfo of a public key with explicit domain
// parameters, as Doc 9303-11 §9.5.2 and §9.6 ask: ECParameters, or PKCS #3 for DH.
func KeyInfo(g Group, public Element) ([]byte, error) {
	switch g := g.(type) {
	case *Curve:
		return encodeKeyInfo(oidECPublicKey, ecParameters{
			Version: 1, Field: fieldID{oidPrimeField, g.p},
			Equation: curveEquation{g.a.FillBytes(make([]byte, g.width)), g.b.FillBytes(make([]byte, g.width))},
			Base:     g.Encode(g.base), Order: g.n, Cofactor: 1,
		}, g.Encode(public))
	case *Modulus:
		y, err := asn1.Marshal(public.X)
		if err != nil {
			return nil, fmt.Errorf("encode public value: %w", err)
		}
		return encodeKeyInfo(oidKeyAgreement, dhParameter{g.p, g.g}, y)
	}
	return nil, fmt.Errorf("encode public key: unknown kind of group %s", g.Name())
}

// StandardisedKeyInfo is the SubjectPublicKeyInfo with the domain parameters
// named by their identifier, as EF.CardSecurity carries it (appendix I.1).
func StandardisedKeyInfo(g Group, public Element) ([]byte, error) {
	return encodeKeyInfo(oidStandardised, g.ID(), g.Encode(public))
}

func encodeKeyInfo(oid asn1.ObjectIdentifier, parameters any, key []byte) ([]byte, error) {
	p, err := asn1.Marshal(parameters)
	if err != nil {
		return nil, fmt.Errorf("encode domain parameters: %w", err)
	}
	der, err := asn1.Marshal(subjectPublicKeyInfo{
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: p}},
		Key:       asn1.BitString{Bytes: key, BitLength: 8 * len(key)},
	})
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return der, nil
}
