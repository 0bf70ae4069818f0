package ec

import "math/big"

// jacobian holds x = X/Z², y = Y/Z³; Z = 0 is the point at infinity. Inversions
// modulo p are what affine arithmetic would spend its time on.
type jacobian struct{ x, y, z element }

func (c *Curve) lift(p Point) jacobian {
	if p.Infinite() {
		return jacobian{}
	}
	return jacobian{c.f.in(p.X), c.f.in(p.Y), c.f.one}
}

func (c *Curve) affine(p jacobian) Point {
	if p.z == (element{}) {
		return Point{}
	}
	inv := c.f.in(new(big.Int).ModInverse(c.f.out(p.z), c.P))
	inv2 := c.f.mul(&inv, &inv)
	inv3 := c.f.mul(&inv2, &inv)
	return Point{c.f.out(c.f.mul(&p.x, &inv2)), c.f.out(c.f.mul(&p.y, &inv3))}
}

// double: 2·(X, Y, Z) for any a (Guide to Elliptic Curve Cryptography §3.2.2).
func (c *Curve) double(p jacobian) jacobian {
	f := c.f
	yy := f.mul(&p.y, &p.y)
	s := f.mul(&p.x, &yy)
	s = f.add(&s, &s)
	s = f.add(&s, &s) // 4xy²
	zz := f.mul(&p.z, &p.z)
	zz = f.mul(&zz, &zz)
	m := f.mul(&c.a, &zz)
	xx := f.mul(&p.x, &p.x)
	for range 3 {
		m = f.add(&m, &xx)
	} // 3x² + az⁴
	var r jacobian
	r.x = f.mul(&m, &m)
	r.x = f.sub(&r.x, &s)
	r.x = f.sub(&r.x, &s)
	y4 := f.mul(&yy, &yy)
	for range 3 {
		y4 = f.add(&y4, &y4)
	} // 8y⁴
	s = f.sub(&s, &r.x)
	r.y = f.mul(&m, &s)
	r.y = f.sub(&r.y, &y4)
	r.z = f.mul(&p.y, &p.z)
	r.z = f.add(&r.z, &r.z)
	return r
}

// add is the general addition with the cases that its formulas leave out: equal
// points, opposite points, infinity.
func (c *Curve) add(p, q jacobian) jacobian {
	if p.z == (element{}) {
		return q
	}
	if q.z == (element{}) {
		return p
	}
	f := c.f
	pz2, qz2 := f.mul(&p.z, &p.z), f.mul(&q.z, &q.z)
	u1, u2 := f.mul(&p.x, &qz2), f.mul(&q.x, &pz2)
	pz3, qz3 := f.mul(&p.z, &pz2), f.mul(&q.z, &qz2)
	s1, s2 := f.mul(&p.y, &qz3), f.mul(&q.y, &pz3)
	h, r := f.sub(&u2, &u1), f.sub(&s2, &s1)
	if h == (element{}) {
		if r == (element{}) {
			return c.double(p)
		}
		return jacobian{}
	}
	h2 := f.mul(&h, &h)
	h3, v := f.mul(&h, &h2), f.mul(&u1, &h2)
	var o jacobian
	o.x = f.mul(&r, &r)
	o.x = f.sub(&o.x, &h3)
	o.x = f.sub(&o.x, &v)
	o.x = f.sub(&o.x, &v)
	v = f.sub(&v, &o.x)
	s1 = f.mul(&s1, &h3)
	o.y = f.mul(&r, &v)
	o.y = f.sub(&o.y, &s1)
	o.z = f.mul(&p.z, &q.z)
	o.z = f.mul(&h, &o.z)
	return o
}

// Add returns p + q.
func (c *Curve) Add(p, q Point) Point { return c.affine(c.add(c.lift(p), c.lift(q))) }

// Negate returns −p.
func (c *Curve) Negate(p Point) Point {
	if p.Infinite() {
		return p
	}
	y := new(big.Int).Neg(p.Y)
	return Point{p.X, y.Mod(y, c.P)}
}

// Multiply returns k·p for k ≥ 0 and a point of the curve.
func (c *Curve) Multiply(k *big.Int, p Point) Point {
	k = new(big.Int).Mod(k, c.N)
	if k.Sign() == 0 || p.Infinite() {
		return Point{}
	}
	if c.std != nil && c.On(p) {
		// Deprecated for callers who want ECDH of a fixed form; the mappings of PACE
		// need multiples of any point, and the library's are ten times as fast.
		x, y := c.std.ScalarMult(p.X, p.Y, k.Bytes()) //nolint:staticcheck // see above
		return Point{x, y}
	}
	return c.affine(c.windowed(k, p))
}

// windowed returns k·p with a window of four bits: fewer additions than bits.
func (c *Curve) windowed(k *big.Int, p Point) jacobian {
	const window = 4
	var table [1 << window]jacobian
	table[0], table[1] = c.lift(Point{}), c.lift(p)
	for i := 2; i < len(table); i++ {
		table[i] = c.add(table[i-1], table[1])
	}
	r := table[0]
	for i := (k.BitLen() + window - 1) / window * window; i > 0; i -= window {
		for range window {
			r = c.double(r)
		}
		r = c.add(r, table[k.Bit(i-1)<<3|k.Bit(i-2)<<2|k.Bit(i-3)<<1|k.Bit(i-4)])
	}
	return r
}

// sum returns k·p + l·q in one pass (Shamir's trick).
func (c *Curve) sum(k *big.Int, p Point, l *big.Int, q Point) jacobian {
	both := [4]jacobian{{}, c.lift(p), c.lift(q), c.lift(c.Add(p, q))}
	var r jacobian
	for i := max(k.BitLen(), l.BitLen()) - 1; i >= 0; i-- {
		r = c.double(r)
		if n := k.Bit(i) | l.Bit(i)<<1; n != 0 {
			r = c.add(r, both[n])
		}
	}
	return r
}
