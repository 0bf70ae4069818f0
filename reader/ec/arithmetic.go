package ec

import "math/big"

// jacobian holds x = X/Z², y = Y/Z³; Z = 0 is the point at infinity. Inversions
// modulo p are what affine arithmetic would spend its time on.
type jacobian struct{ x, y, z *big.Int }

func (c *Curve) lift(p Point) jacobian {
	if p.Infinite() {
		return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	}
	return jacobian{p.X, p.Y, big.NewInt(1)}
}

func (c *Curve) affine(p jacobian) Point {
	if p.z.Sign() == 0 {
		return Point{}
	}
	inv := new(big.Int).ModInverse(p.z, c.P)
	inv2 := c.mul(inv, inv)
	return Point{c.mul(p.x, inv2), c.mul(p.y, c.mul(inv2, inv))}
}

func (c *Curve) mul(a, b *big.Int) *big.Int {
	r := new(big.Int).Mul(a, b)
	return r.Mod(r, c.P)
}

func (c *Curve) sub(a, b *big.Int) *big.Int {
	r := new(big.Int).Sub(a, b)
	if r.Sign() < 0 {
		r.Add(r, c.P)
	}
	return r
}

// times multiplies by a small number.
func (c *Curve) times(a *big.Int, n uint) *big.Int {
	r := new(big.Int).Lsh(a, n)
	return r.Mod(r, c.P)
}

// double is dbl-2007-bl of the Explicit-Formulas Database, for any a.
func (c *Curve) double(p jacobian) jacobian {
	if p.z.Sign() == 0 || p.y.Sign() == 0 {
		return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	}
	yy := c.mul(p.y, p.y)
	s := c.times(c.mul(p.x, yy), 2) // 4xy²
	zz := c.mul(p.z, p.z)
	xx := c.mul(p.x, p.x)
	m := new(big.Int).Lsh(xx, 1)
	m.Add(m, xx).Add(m, c.mul(c.A, c.mul(zz, zz))).Mod(m, c.P) // 3x² + az⁴
	x := c.sub(c.mul(m, m), c.times(s, 1))
	y := c.sub(c.mul(m, c.sub(s, x)), c.times(c.mul(yy, yy), 3))
	return jacobian{x, y, c.times(c.mul(p.y, p.z), 1)}
}

// add is add-2007-bl, with the cases that it leaves out.
func (c *Curve) add(p, q jacobian) jacobian {
	if p.z.Sign() == 0 {
		return q
	}
	if q.z.Sign() == 0 {
		return p
	}
	pz2, qz2 := c.mul(p.z, p.z), c.mul(q.z, q.z)
	u1, u2 := c.mul(p.x, qz2), c.mul(q.x, pz2)
	s1, s2 := c.mul(p.y, c.mul(q.z, qz2)), c.mul(q.y, c.mul(p.z, pz2))
	h, r := c.sub(u2, u1), c.sub(s2, s1)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return c.double(p)
		}
		return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	}
	h2 := c.mul(h, h)
	h3, v := c.mul(h, h2), c.mul(u1, h2)
	x := c.sub(c.sub(c.mul(r, r), h3), c.times(v, 1))
	y := c.sub(c.mul(r, c.sub(v, x)), c.mul(s1, h3))
	return jacobian{x, y, c.mul(h, c.mul(p.z, q.z))}
}

// Add returns p + q.
func (c *Curve) Add(p, q Point) Point { return c.affine(c.add(c.lift(p), c.lift(q))) }

// Negate returns −p.
func (c *Curve) Negate(p Point) Point {
	if p.Infinite() {
		return p
	}
	return Point{p.X, c.sub(new(big.Int), p.Y)}
}

// Multiply returns k·p for k ≥ 0.
func (c *Curve) Multiply(k *big.Int, p Point) Point {
	return c.affine(c.sum(k, p, new(big.Int), Point{}))
}

// sum returns k·p + l·q in one pass (Shamir's trick).
func (c *Curve) sum(k *big.Int, p Point, l *big.Int, q Point) jacobian {
	both := [4]jacobian{c.lift(Point{}), c.lift(p), c.lift(q), c.lift(c.Add(p, q))}
	r := both[0]
	for i := max(k.BitLen(), l.BitLen()) - 1; i >= 0; i-- {
		r = c.double(r)
		if n := k.Bit(i) | l.Bit(i)<<1; n != 0 {
			r = c.add(r, both[n])
		}
	}
	return r
}
