package domain

import (
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
)

// Sign is ECDSA (FIPS 186-4 §6.4) over any curve of this package; digest is
// the hash value. random nil means the system's source.
func (c *Curve) Sign(private *big.Int, digest []byte, random io.Reader) (r, s *big.Int, err error) {
	z := new(big.Int).SetBytes(digest)
	if excess := len(digest)*8 - c.n.BitLen(); excess > 0 {
		z.Rsh(z, uint(excess))
	}
	for range 100 {
		k, err := PrivateKey(c, random)
		if err != nil {
			return nil, nil, err
		}
		r = new(big.Int).Mod(c.Power(c.base, k).X, c.n)
		s = new(big.Int).Mul(r, private)
		s.Add(s, z).Mul(s, k.ModInverse(k, c.n)).Mod(s, c.n)
		if r.Sign() != 0 && s.Sign() != 0 {
			return r, s, nil
		}
	}
	return nil, nil, fmt.Errorf("sign on %s: the random source repeats itself", c.name)
}

// SignDER is Sign with the signature as certificates and messages carry it
// (RFC 3279 §2.2.3).
func (c *Curve) SignDER(private *big.Int, digest []byte, random io.Reader) ([]byte, error) {
	r, s, err := c.Sign(private, digest, random)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		return nil, fmt.Errorf("encode signature: %w", err)
	}
	return der, nil
}

// SignPlain is Sign with the signature as r and s, each as wide as the order
// (TR-03111 §5.2.1).
func (c *Curve) SignPlain(private *big.Int, digest []byte, random io.Reader) ([]byte, error) {
	r, s, err := c.Sign(private, digest, random)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 2*c.nWidth)
	r.FillBytes(out[:c.nWidth])
	s.FillBytes(out[c.nWidth:])
	return out, nil
}
