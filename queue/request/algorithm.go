package request

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/veraison/go-cose"
)

// Algorithm is a signature algorithm by its COSE name (RFC 9053 §2.1, RFC 8230
// §2). Both are what Circular 15/2025/TT-BKHCN names: ECDSA from 256 bits and
// RSASSA-PSS from 2048.
type Algorithm string

const (
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256, salt of 32 bytes, from 2048 bits
)

// algorithms is the whole list: another one is another line.
var algorithms = []struct {
	name Algorithm
	cose cose.Algorithm
	fits func(crypto.PublicKey) bool
}{
	{ES256, cose.AlgorithmES256, func(k crypto.PublicKey) bool {
		pub, ok := k.(*ecdsa.PublicKey)
		return ok && pub.Curve == elliptic.P256()
	}},
	{PS256, cose.AlgorithmPS256, func(k crypto.PublicKey) bool {
		pub, ok := k.(*rsa.PublicKey)
		return ok && pub.N.BitLen() >= 2048 && pub.N.BitLen() <= 8192
	}},
}

// AlgorithmFor returns the algorithm of a key.
func AlgorithmFor(pub crypto.PublicKey) (Algorithm, error) {
	for _, a := range algorithms {
		if a.fits(pub) {
			return a.name, nil
		}
	}
	return "", fmt.Errorf("no signature algorithm for a key of type %T", pub)
}

func algorithmNamed(id cose.Algorithm) (Algorithm, error) {
	for _, a := range algorithms {
		if a.cose == id {
			return a.name, nil
		}
	}
	return "", errors.New("signature algorithm is not accepted")
}

// coseSigner adapts a key to COSE: go-cose hands the key the crypto.SignerOpts of
// the algorithm and turns an ECDSA signature from ASN.1 into COSE's form.
func coseSigner(key Signer) (cose.DigestSigner, error) {
	for _, a := range algorithms {
		if a.name == key.Algorithm() {
			if !a.fits(key.Public()) {
				return nil, fmt.Errorf("the key is not fit for %s", a.name)
			}
			signer, err := cose.NewSigner(a.cose, key)
			if err != nil {
				return nil, err
			}
			digests, ok := signer.(cose.DigestSigner) // as all of go-cose for RSA and ECDSA
			if !ok {
				return nil, fmt.Errorf("no digests of %s are signed", a.name)
			}
			return digests, nil
		}
	}
	return nil, fmt.Errorf("unknown algorithm %q", key.Algorithm())
}
