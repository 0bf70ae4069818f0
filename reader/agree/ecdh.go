package agree

import (
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/enrold/enrold/reader/ec"
)

// ECDH is key agreement on a curve of cofactor 1 (ECKA of TR-03111 §4.3.1).
type ECDH struct{ Curve *ec.Curve }

// Name is the curve's, as secp256r1.
func (e ECDH) Name() string { return e.Curve.Name }

// Tag is that of a point in a public key data object (§9.4).
func (ECDH) Tag() uint32 { return 0x86 }

// Modulus is the prime of the curve's field. Not to be changed.
func (e ECDH) Modulus() *big.Int { return e.Curve.P }

// Generate gives the public key as an uncompressed point.
func (e ECDH) Generate(random io.Reader) (*big.Int, []byte, error) {
	k, err := scalar(random, e.Curve.N)
	if err != nil {
		return nil, nil, err
	}
	return k, e.Curve.Encode(e.Curve.Multiply(k, e.Curve.G)), nil
}

// Agree refuses a peer that is not on the curve; the secret is the x-coordinate
// in the length of the field.
func (e ECDH) Agree(private *big.Int, peer []byte) ([]byte, error) {
	h, err := e.point(private, peer)
	if err != nil {
		return nil, err
	}
	return h.X.FillBytes(make([]byte, e.Curve.Size())), nil
}

// point is private·peer, never infinity.
func (e ECDH) point(private *big.Int, peer []byte) (ec.Point, error) {
	q, err := e.decode(peer)
	if err != nil {
		return ec.Point{}, err
	}
	h := e.Curve.Multiply(private, q)
	if h.Infinite() {
		return ec.Point{}, errors.New("shared point is at infinity")
	}
	return h, nil
}

// decode takes uncompressed points only (§4.4.3.2).
func (e ECDH) decode(peer []byte) (ec.Point, error) {
	if len(peer) != 1+2*e.Curve.Size() {
		return ec.Point{}, errors.New("public key: point has not the length of the curve")
	}
	q, err := e.Curve.Decode(peer)
	if err != nil {
		return ec.Point{}, fmt.Errorf("public key: %w", err)
	}
	return q, nil
}

// MapGeneric gives the group with the generator nonce·G + H (§4.4.3.3.1).
func (e ECDH) MapGeneric(nonce []byte, private *big.Int, peer []byte) (Group, error) {
	h, err := e.point(private, peer)
	if err != nil {
		return nil, err
	}
	s := new(big.Int).SetBytes(nonce)
	return e.rebase(e.Curve.Add(e.Curve.Multiply(s, e.Curve.G), h))
}

// MapIntegrated gives the group with the generator that the element encodes
// (§4.4.3.3.2, Doc 9303-11 appendix B).
func (e ECDH) MapIntegrated(element *big.Int) (Group, error) {
	g, err := e.Curve.Map(element)
	if err != nil {
		return nil, err
	}
	return e.rebase(g)
}

func (e ECDH) rebase(g ec.Point) (Group, error) {
	if g.Infinite() {
		return nil, errors.New("mapped generator is at infinity")
	}
	c := *e.Curve
	c.G = g
	return ECDH{&c}, nil
}

// Proves says whether data is the chip authentication data of PACE-CAM
// (§4.4.3.5.2): the mapping key is data times the static public key.
func (e ECDH) Proves(data, static, mapping []byte) (bool, error) {
	q, err := e.decode(static)
	if err != nil {
		return false, fmt.Errorf("static %w", err)
	}
	m, err := e.decode(mapping)
	if err != nil {
		return false, fmt.Errorf("mapping %w", err)
	}
	k := new(big.Int).SetBytes(data)
	if k.Sign() == 0 || k.Cmp(e.Curve.N) >= 0 {
		return false, errors.New("chip authentication data are out of range")
	}
	return e.Curve.Multiply(k, q).Equal(m), nil
}
