package ec

import (
	"crypto/ecdsa"
	"math/big"
)

// Verify checks the ECDSA signature (r, s) of a hash under the public key q
// (FIPS 186-5 §6.4.2). The key is checked to be on the curve.
func (c *Curve) Verify(q Point, hash []byte, r, s *big.Int) bool {
	if !c.On(q) {
		return false
	}
	for _, n := range []*big.Int{r, s} {
		if n.Sign() <= 0 || n.Cmp(c.N) >= 0 {
			return false
		}
	}
	if c.std != nil {
		key, err := ecdsa.ParseUncompressedPublicKey(c.std, c.Encode(q))
		return err == nil && ecdsa.Verify(key, hash, r, s)
	}
	w := new(big.Int).ModInverse(s, c.N)
	u1, u2 := c.truncate(hash), new(big.Int).Mul(r, w)
	u1.Mul(u1, w).Mod(u1, c.N)
	u2.Mod(u2, c.N)
	p := c.affine(c.sum(u1, c.G, u2, q))
	return !p.Infinite() && p.X.Mod(p.X, c.N).Cmp(r) == 0
}

// truncate takes the leftmost bits of the hash, as many as N has.
func (c *Curve) truncate(hash []byte) *big.Int {
	size := (c.N.BitLen() + 7) / 8
	if len(hash) > size {
		hash = hash[:size]
	}
	e := new(big.Int).SetBytes(hash)
	if excess := len(hash)*8 - c.N.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	return e
}
