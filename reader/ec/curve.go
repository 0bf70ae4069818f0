// Package ec does arithmetic on the elliptic curves of chip documents, among
// them those on which the standard library cannot calculate (brainpool,
// secp192r1). It takes variable time: it serves to verify signatures and to
// agree on keys of one session, never to guard a long-lived secret.
package ec

import (
	"crypto/elliptic"
	"errors"
	"math/big"
	"slices"
	"sync"
)

// Curve is y² = x³ + ax + b over the field of p elements, with a generator G of
// prime order N and cofactor 1. Curves do not change; those of this package's
// table are all that there are.
type Curve struct {
	Name       string // "brainpoolP256r1"
	OID        string // "1.3.36.3.3.2.8.1.1.7"
	P, A, B, N *big.Int
	G          Point

	std elliptic.Curve // the same curve in the standard library, where it is fast
	f   *field         // of P
	a   element        // A in f
}

// Point is an affine point; the zero value is the point at infinity.
type Point struct{ X, Y *big.Int }

// Infinite says whether p is the neutral element.
func (p Point) Infinite() bool { return p.X == nil }

// Equal compares two points.
func (p Point) Equal(q Point) bool {
	if p.Infinite() || q.Infinite() {
		return p.Infinite() == q.Infinite()
	}
	return p.X.Cmp(q.X) == 0 && p.Y.Cmp(q.Y) == 0
}

type domain struct{ name, oid, p, a, b, x, y, n string }

// curves decodes the table once; nothing changes it afterwards.
var curves = sync.OnceValue(func() []*Curve {
	std := map[string]elliptic.Curve{
		"secp224r1": elliptic.P224(), "secp256r1": elliptic.P256(), "secp384r1": elliptic.P384(), "secp521r1": elliptic.P521(),
	}
	var list []*Curve
	for _, d := range domains {
		c := &Curve{
			Name: d.name, OID: d.oid, P: number(d.p), A: number(d.a), B: number(d.b), N: number(d.n),
			G: Point{number(d.x), number(d.y)}, std: std[d.name],
		}
		c.f = newField(c.P)
		c.a = c.f.in(c.A)
		list = append(list, c)
	}
	return list
})

func number(hex string) *big.Int {
	n, ok := new(big.Int).SetString(hex, 16)
	if !ok {
		panic("ec: table of curves is damaged")
	}
	return n
}

// Curves returns all known curves.
func Curves() []*Curve { return slices.Clone(curves()) }

// ByOID finds a curve by its object identifier, nil when it is unknown.
func ByOID(oid string) *Curve {
	return find(func(c *Curve) bool { return c.OID == oid })
}

// ByName finds a curve by its name, nil when it is unknown.
func ByName(name string) *Curve {
	return find(func(c *Curve) bool { return c.Name == name })
}

// ByParameters finds the known curve that has exactly these parameters, nil
// when there is none. A curve that is not known must never be used: with a
// generator of the attacker's choice any public key has a known private key.
func ByParameters(p, a, b, gx, gy, n *big.Int) *Curve {
	return find(func(c *Curve) bool {
		for _, pair := range [][2]*big.Int{{c.P, p}, {c.A, a}, {c.B, b}, {c.G.X, gx}, {c.G.Y, gy}, {c.N, n}} {
			if pair[1] == nil || pair[0].Cmp(pair[1]) != 0 {
				return false
			}
		}
		return true
	})
}

func find(match func(*Curve) bool) *Curve {
	if i := slices.IndexFunc(curves(), match); i >= 0 {
		return curves()[i]
	}
	return nil
}

// Size is the length of a field element in bytes.
func (c *Curve) Size() int { return (c.P.BitLen() + 7) / 8 }

// On says whether p lies on the curve and is not the point at infinity. As the
// cofactor is 1, such a point has order N.
func (c *Curve) On(p Point) bool {
	if p.Infinite() || p.X.Sign() < 0 || p.Y.Sign() < 0 || p.X.Cmp(c.P) >= 0 || p.Y.Cmp(c.P) >= 0 {
		return false
	}
	y2 := new(big.Int).Mul(p.Y, p.Y)
	return y2.Mod(y2, c.P).Cmp(c.right(p.X)) == 0
}

// right is x³ + ax + b.
func (c *Curve) right(x *big.Int) *big.Int {
	r := new(big.Int).Mul(x, x)
	r.Add(r, c.A).Mul(r, x).Add(r, c.B)
	return r.Mod(r, c.P)
}

// Encode writes p uncompressed (SEC 1 §2.3.3, TR-03111 §3.2.1): 04, x, y.
func (c *Curve) Encode(p Point) []byte {
	size := c.Size()
	b := make([]byte, 1+2*size)
	b[0] = 4
	p.X.FillBytes(b[1 : 1+size])
	p.Y.FillBytes(b[1+size:])
	return b
}

// Decode reads a point, uncompressed or compressed (SEC 1 §2.3.4). A point that
// is not on the curve, or at infinity, is an error.
func (c *Curve) Decode(b []byte) (Point, error) {
	size := c.Size()
	switch {
	case len(b) == 1+2*size && b[0] == 4:
		p := Point{new(big.Int).SetBytes(b[1 : 1+size]), new(big.Int).SetBytes(b[1+size:])}
		if !c.On(p) {
			return Point{}, errors.New("point is not on the curve")
		}
		return p, nil
	case len(b) == 1+size && (b[0] == 2 || b[0] == 3):
		x := new(big.Int).SetBytes(b[1:])
		if x.Cmp(c.P) >= 0 {
			return Point{}, errors.New("point is not on the curve")
		}
		y := new(big.Int).ModSqrt(c.right(x), c.P)
		if y == nil {
			return Point{}, errors.New("point is not on the curve")
		}
		if y.Bit(0) != uint(b[0]&1) {
			y.Sub(c.P, y)
		}
		if p := (Point{x, y}); c.On(p) {
			return p, nil
		}
		return Point{}, errors.New("point is not on the curve")
	}
	return Point{}, errors.New("point has an unknown form")
}

// mul and sub calculate on plain numbers modulo P, where speed does not matter.
func (c *Curve) mul(a, b *big.Int) *big.Int {
	r := new(big.Int).Mul(a, b)
	return r.Mod(r, c.P)
}

func (c *Curve) sub(a, b *big.Int) *big.Int {
	r := new(big.Int).Sub(a, b)
	return r.Mod(r, c.P)
}
