package domain

import "math/big"

// Curve is y² = x³ + ax + b over the integers modulo p, with a generator of
// prime order and cofactor one.
type Curve struct {
	id            int
	name          string
	p, a, b, n    *big.Int
	base          Element
	width, nWidth int // bytes of a coordinate and of the order
}

func newCurve(id int, name, p, a, b, x, y, n string) *Curve {
	c := &Curve{id: id, name: name, p: hex(p), a: hex(a), b: hex(b), n: hex(n), base: Element{hex(x), hex(y)}}
	c.width, c.nWidth = (c.p.BitLen()+7)/8, (c.n.BitLen()+7)/8
	return c
}

// ID is the number of the domain parameters (Doc 9303-11 §9.5.1, table 12).
func (c *Curve) ID() int { return c.id }

// Name is the usual one, as NIST P-256.
func (c *Curve) Name() string { return c.name }

// Order is that of the generator: private keys lie under it. Not to be changed.
func (c *Curve) Order() *big.Int { return c.n }

// Prime is that of the field of coordinates. Not to be changed.
func (c *Curve) Prime() *big.Int { return c.p }

// Generator is the base point of the standard.
func (c *Curve) Generator() Element { return c.base }

// Neutral says that e is the point at infinity.
func (c *Curve) Neutral(e Element) bool { return e.X == nil }

// Combine adds two points.
func (c *Curve) Combine(a, b Element) Element { return c.affine(c.add(lift(a), lift(b))) }

// Power multiplies a point.
func (c *Curve) Power(e Element, n *big.Int) Element {
	out, base := jacobian{}, lift(e)
	for i := n.BitLen() - 1; i >= 0; i-- {
		out = c.double(out)
		if n.Bit(i) == 1 {
			out = c.add(out, base)
		}
	}
	return c.affine(out)
}

// Map is the simplified map of Brier et al. for p = 3 mod 4 (Doc 9303-11
// appendix B.2); it fails for secp224r1.
func (c *Curve) Map(t *big.Int) (Element, error) {
	if c.p.Bit(0) != 1 || c.p.Bit(1) != 1 {
		return Element{}, ErrElement
	}
	alpha := c.mod(new(big.Int).Neg(c.mul(t, t)))
	inverse := new(big.Int).ModInverse(c.mod(new(big.Int).Add(alpha, c.mul(alpha, alpha))), c.p)
	if inverse == nil {
		return Element{}, ErrElement
	}
	x2 := c.mul(new(big.Int).Neg(c.b), new(big.Int).ModInverse(c.a, c.p))
	x2 = c.mul(x2, inverse.Add(inverse, big.NewInt(1)))
	x3 := c.mul(alpha, x2)
	h2 := c.right(x2)
	u := c.mul(c.mul(t, c.mul(t, t)), h2)
	// h2 to the power p-1-(p+1)/4 is one over the square root of h2, if there is one.
	e := new(big.Int).Sub(c.p, big.NewInt(1))
	quarter := new(big.Int).Add(c.p, big.NewInt(1))
	root := new(big.Int).Exp(h2, e.Sub(e, quarter.Rsh(quarter, 2)), c.p)
	if c.mul(c.mul(root, root), h2).Cmp(big.NewInt(1)) == 0 {
		return Element{x2, c.mul(root, h2)}, nil
	}
	return Element{x3, c.mul(root, u)}, nil
}

// Encode is the uncompressed point: 04, x, y.
func (c *Curve) Encode(e Element) []byte {
	out := make([]byte, 1+2*c.width)
	out[0] = 0x04
	e.X.FillBytes(out[1 : 1+c.width])
	e.Y.FillBytes(out[1+c.width:])
	return out
}

// Decode reads an uncompressed point and checks that it lies on the curve.
func (c *Curve) Decode(b []byte) (Element, error) {
	if len(b) != 1+2*c.width || b[0] != 0x04 {
		return Element{}, ErrElement
	}
	e := Element{new(big.Int).SetBytes(b[1 : 1+c.width]), new(big.Int).SetBytes(b[1+c.width:])}
	if e.X.Cmp(c.p) >= 0 || e.Y.Cmp(c.p) >= 0 || c.mul(e.Y, e.Y).Cmp(c.right(e.X)) != 0 {
		return Element{}, ErrElement
	}
	return e, nil
}

// Secret is the x coordinate, as wide as the prime (TR-03111 §4.3.1).
func (c *Curve) Secret(e Element) []byte { return e.X.FillBytes(make([]byte, c.width)) }

// right is the right side of the curve's equation.
func (c *Curve) right(x *big.Int) *big.Int {
	r := c.mul(x, c.mul(x, x))
	r.Add(r, c.mul(c.a, x))
	return c.mod(r.Add(r, c.b))
}

func (c *Curve) mod(n *big.Int) *big.Int    { return n.Mod(n, c.p) }
func (c *Curve) mul(a, b *big.Int) *big.Int { return c.mod(new(big.Int).Mul(a, b)) }

// jacobian is a point as (x/z², y/z³); z is nil for the point at infinity.
type jacobian struct{ x, y, z *big.Int }

func lift(e Element) jacobian {
	if e.X == nil {
		return jacobian{}
	}
	return jacobian{e.X, e.Y, big.NewInt(1)}
}

func (c *Curve) affine(j jacobian) Element {
	if j.z == nil || j.z.Sign() == 0 {
		return Element{}
	}
	inverse := new(big.Int).ModInverse(j.z, c.p)
	square := c.mul(inverse, inverse)
	return Element{c.mul(j.x, square), c.mul(j.y, c.mul(square, inverse))}
}

func (c *Curve) double(p jacobian) jacobian {
	if p.z == nil || p.z.Sign() == 0 || p.y.Sign() == 0 {
		return jacobian{}
	}
	yy, zz := c.mul(p.y, p.y), c.mul(p.z, p.z)
	s := c.mul(p.x, yy)
	s = c.mod(s.Lsh(s, 2))
	m := c.mul(p.x, p.x)
	m.Mul(m, big.NewInt(3))
	m = c.mod(m.Add(m, c.mul(c.a, c.mul(zz, zz))))
	x := c.mul(m, m)
	x = c.mod(x.Sub(x, new(big.Int).Lsh(s, 1)))
	y := c.mul(m, new(big.Int).Sub(s, x))
	eight := c.mul(yy, yy)
	y = c.mod(y.Sub(y, eight.Lsh(eight, 3)))
	z := c.mul(p.y, p.z)
	return jacobian{x, y, c.mod(z.Lsh(z, 1))}
}

func (c *Curve) add(p, q jacobian) jacobian {
	if p.z == nil || p.z.Sign() == 0 {
		return q
	}
	if q.z == nil || q.z.Sign() == 0 {
		return p
	}
	pp, qq := c.mul(p.z, p.z), c.mul(q.z, q.z)
	u1, u2 := c.mul(p.x, qq), c.mul(q.x, pp)
	s1, s2 := c.mul(p.y, c.mul(qq, q.z)), c.mul(q.y, c.mul(pp, p.z))
	h, r := c.mod(new(big.Int).Sub(u2, u1)), c.mod(new(big.Int).Sub(s2, s1))
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return c.double(p)
		}
		return jacobian{}
	}
	hh := c.mul(h, h)
	hhh, v := c.mul(hh, h), c.mul(u1, hh)
	x := c.mul(r, r)
	x.Sub(x, hhh)
	x = c.mod(x.Sub(x, new(big.Int).Lsh(v, 1)))
	y := c.mul(r, new(big.Int).Sub(v, x))
	y = c.mod(y.Sub(y, c.mul(s1, hhh)))
	return jacobian{x, y, c.mul(h, c.mul(p.z, q.z))}
}
