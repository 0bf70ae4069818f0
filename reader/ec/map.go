package ec

import (
	"errors"
	"math/big"
)

// Map is the point encoding of the integrated mapping: simplified
// Shallue-van de Woestijne-Ulas for p ≡ 3 mod 4 (Doc 9303-11 §4.4.3.3.2 and
// appendix B.2, affine form). Curves with other p (secp224r1) or with a or b of
// zero cannot be used.
func (c *Curve) Map(u *big.Int) (Point, error) {
	if c.P.Bit(0) != 1 || c.P.Bit(1) != 1 || c.A.Sign() == 0 || c.B.Sign() == 0 {
		return Point{}, errors.New("curve cannot be used with the integrated mapping")
	}
	one := big.NewInt(1)
	u = new(big.Int).Mod(u, c.P)
	alpha := c.sub(new(big.Int), c.mul(u, u)) // -u²
	alpha.Mod(alpha, c.P)
	// x2 = -b/a · (1 + 1/(α + α²))
	sum := new(big.Int).Add(alpha, c.mul(alpha, alpha))
	inverse := new(big.Int).ModInverse(sum.Mod(sum, c.P), c.P)
	if inverse == nil {
		return Point{}, errors.New("field element has no image") // u is 0, 1 or -1
	}
	x2 := c.mul(c.sub(new(big.Int), c.B), new(big.Int).ModInverse(c.A, c.P))
	x2 = c.mul(x2, inverse.Add(inverse, one))
	x3 := c.mul(alpha, x2)
	h2 := c.right(x2)
	// a2 = h2^(p-1-(p+1)/4), so that a2·h2 is a root of h2 if h2 is a square.
	e := new(big.Int).Sub(c.P, one)
	e.Sub(e, new(big.Int).Rsh(new(big.Int).Add(c.P, one), 2))
	a2 := new(big.Int).Exp(h2, e, c.P)
	p := Point{x2, c.mul(a2, h2)}
	if c.mul(c.mul(a2, a2), h2).Cmp(one) != 0 {
		p = Point{x3, c.mul(a2, c.mul(c.mul(u, c.mul(u, u)), h2))}
	}
	if !c.On(p) {
		return Point{}, errors.New("field element has no image")
	}
	return p, nil
}
