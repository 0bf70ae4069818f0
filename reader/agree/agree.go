// Package agree is key agreement as chip documents use it: Diffie-Hellman on
// elliptic curves and in prime fields (ICAO Doc 9303-11 §9.5, §9.6), with the
// two mappings of PACE. Private keys serve one session; nothing runs in
// constant time.
package agree

import (
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/enrold/enrold/reader/ec"
)

// Group is a group with a generator. Public keys are plain values (§9.4.5): an
// uncompressed point, or an unsigned integer.
type Group interface {
	Name() string
	// Tag is that of a public key in a public key data object (§9.4): 84 or 86.
	Tag() uint32
	// Generate draws a private key from random and gives it with its public key.
	Generate(random io.Reader) (private *big.Int, public []byte, err error)
	// Agree validates the peer's public key and returns the shared secret: the
	// x-coordinate, or the number in the length of the prime.
	Agree(private *big.Int, peer []byte) ([]byte, error)
	// MapGeneric returns the group with the generator nonce·G + H, where H is what
	// private and peer agree on (§4.4.3.3.1).
	MapGeneric(nonce []byte, private *big.Int, peer []byte) (Group, error)
	// MapIntegrated returns the group with the generator that the field element
	// of Modulus encodes (§4.4.3.3.2).
	MapIntegrated(element *big.Int) (Group, error)
	Modulus() *big.Int
}

// curveNames are the identifiers of standardised curves (§9.5.1 table 12).
var curveNames = map[int]string{
	8: "secp192r1", 9: "brainpoolP192r1", 10: "secp224r1", 11: "brainpoolP224r1", 12: "secp256r1", 13: "brainpoolP256r1",
	14: "brainpoolP320r1", 15: "secp384r1", 16: "brainpoolP384r1", 17: "brainpoolP512r1", 18: "secp521r1",
}

// Standard returns the group of a standardised domain parameter (§9.5.1 table
// 12): 0 to 2 prime fields, 8 to 18 curves.
func Standard(id int) (Group, error) {
	if name, ok := curveNames[id]; ok {
		return ECDH{ec.ByName(name)}, nil
	}
	if id >= 0 && id < len(fields()) {
		return fields()[id], nil
	}
	return nil, fmt.Errorf("domain parameter %d is not standardised", id)
}

// scalar draws a number from 1 to n-1 by rejection.
func scalar(random io.Reader, n *big.Int) (*big.Int, error) {
	b := make([]byte, (n.BitLen()+7)/8)
	for range 100 {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, fmt.Errorf("draw private key: %w", err)
		}
		if extra := 8*len(b) - n.BitLen(); extra > 0 {
			b[0] &= 0xFF >> extra
		}
		if k := new(big.Int).SetBytes(b); k.Sign() > 0 && k.Cmp(n) < 0 {
			return k, nil
		}
	}
	return nil, errors.New("draw private key: source of random numbers is broken")
}

// Standardised says whether the group is one of table 12.
func Standardised(g Group) bool {
	switch g := g.(type) {
	case ECDH:
		return g.Curve.Name != ""
	case DH:
		return g.name != ""
	}
	return false
}
