package agree

import (
	"errors"
	"io"
	"math/big"
)

// DH is key agreement in a subgroup of a prime field. Q, the order of the
// subgroup, is nil when a public key in PKCS #3 format does not tell it: then a
// peer's key is checked for range only (RFC 2631 §2.1.5).
type DH struct {
	name    string
	P, G, Q *big.Int
}

var one = big.NewInt(1)

// Name is the standardised group's, or MODP for parameters of a card's own.
func (d DH) Name() string {
	if d.name != "" {
		return d.name
	}
	return "MODP"
}

// Tag is that of a number in a public key data object (§9.4).
func (DH) Tag() uint32 { return 0x84 }

// Modulus is the prime. Not to be changed.
func (d DH) Modulus() *big.Int { return d.P }

// Generate draws a private key below the order of the subgroup, or below that of
// the whole group where the subgroup's is unknown.
func (d DH) Generate(random io.Reader) (*big.Int, []byte, error) {
	order := d.Q
	if order == nil {
		order = new(big.Int).Sub(d.P, one)
	}
	k, err := scalar(random, order)
	if err != nil {
		return nil, nil, err
	}
	// As an unsigned integer, of the fewest bytes (§9.4.3).
	return k, new(big.Int).Exp(d.G, k, d.P).Bytes(), nil
}

// Agree refuses a peer outside the subgroup; the secret has the prime's length.
func (d DH) Agree(private *big.Int, peer []byte) ([]byte, error) {
	h, err := d.number(private, peer)
	if err != nil {
		return nil, err
	}
	return h.FillBytes(make([]byte, (d.P.BitLen()+7)/8)), nil
}

func (d DH) number(private *big.Int, peer []byte) (*big.Int, error) {
	if len(peer) > (d.P.BitLen()+7)/8+1 {
		return nil, errors.New("public key is longer than the field")
	}
	y := new(big.Int).SetBytes(peer)
	if y.Cmp(one) <= 0 || y.Cmp(new(big.Int).Sub(d.P, one)) >= 0 {
		return nil, errors.New("public key is out of range")
	}
	if d.Q != nil && new(big.Int).Exp(y, d.Q, d.P).Cmp(one) != 0 {
		return nil, errors.New("public key is not in the subgroup")
	}
	h := new(big.Int).Exp(y, private, d.P)
	if h.Cmp(one) == 0 {
		return nil, errors.New("shared secret is 1")
	}
	return h, nil
}

// MapGeneric gives the group with the generator G^nonce · H (§4.4.3.3.1).
func (d DH) MapGeneric(nonce []byte, private *big.Int, peer []byte) (Group, error) {
	h, err := d.number(private, peer)
	if err != nil {
		return nil, err
	}
	g := new(big.Int).Exp(d.G, new(big.Int).SetBytes(nonce), d.P)
	return d.rebase(g.Mul(g, h).Mod(g, d.P))
}

// MapIntegrated raises the element to the cofactor (§4.4.3.3.2).
func (d DH) MapIntegrated(element *big.Int) (Group, error) {
	if d.Q == nil {
		return nil, errors.New("order of the subgroup is unknown")
	}
	cofactor := new(big.Int).Sub(d.P, one)
	cofactor.Div(cofactor, d.Q)
	return d.rebase(new(big.Int).Exp(element, cofactor, d.P))
}

func (d DH) rebase(g *big.Int) (Group, error) {
	if g.Cmp(one) <= 0 {
		return nil, errors.New("mapped generator is 1")
	}
	d.G = g
	return d, nil
}
