package ec

import (
	"math/big"
	"math/bits"
)

// limbs is enough for 521 bits.
const limbs = 9

// element is a field element in Montgomery form, least significant limb first.
type element [limbs]uint64

// field calculates modulo an odd p of n limbs. math/big would spend most of its
// time on divisions: a signature on brainpoolP512r1 takes ten times as long.
type field struct {
	n   int
	p   element
	inv uint64 // −p⁻¹ mod 2⁶⁴
	rr  element
	one element
	mod *big.Int
}

func newField(p *big.Int) *field {
	f := &field{n: (p.BitLen() + 63) / 64, mod: p}
	f.p = limbsOf(p)
	inv := f.p[0] // Newton's iteration doubles the right bits: 3, 6, 12, 24, 48, 96
	for range 5 {
		inv *= 2 - f.p[0]*inv
	}
	f.inv = -inv
	r := new(big.Int).Lsh(big.NewInt(1), uint(64*f.n))
	f.one = limbsOf(new(big.Int).Mod(r, p))
	f.rr = limbsOf(r.Mul(r, r).Mod(r, p))
	return f
}

func limbsOf(x *big.Int) (e element) {
	var b [8 * limbs]byte
	x.FillBytes(b[:])
	for i := range e {
		for _, v := range b[8*(limbs-1-i) : 8*(limbs-i)] {
			e[i] = e[i]<<8 | uint64(v)
		}
	}
	return e
}

// in brings a number into Montgomery form; it is reduced first.
func (f *field) in(x *big.Int) element {
	e := limbsOf(new(big.Int).Mod(x, f.mod))
	return f.mul(&e, &f.rr)
}

// out brings an element back.
func (f *field) out(e element) *big.Int {
	e = f.mul(&e, &element{1})
	var b [8 * limbs]byte
	for i, v := range e {
		for j := range 8 {
			b[8*(limbs-i)-1-j] = byte(v >> (8 * j))
		}
	}
	return new(big.Int).SetBytes(b[:])
}

// mul is Montgomery's product with interleaved reduction (CIOS).
func (f *field) mul(x, y *element) element {
	var t [limbs + 2]uint64
	n := f.n
	for i := range n {
		var c uint64
		for j := range n {
			c, t[j] = mulAdd(x[j], y[i], t[j], c)
		}
		t[n], c = bits.Add64(t[n], c, 0)
		t[n+1] = c
		m := t[0] * f.inv
		c, _ = mulAdd(m, f.p[0], t[0], 0)
		for j := 1; j < n; j++ {
			c, t[j-1] = mulAdd(m, f.p[j], t[j], c)
		}
		t[n-1], c = bits.Add64(t[n], c, 0) //nolint:gosec // t has room for the longest n and two more
		t[n] = t[n+1] + c
	}
	var r element
	copy(r[:], t[:n])
	return f.reduce(r, t[n])
}

// mulAdd is a·b + c + d, which fits into two limbs.
func mulAdd(a, b, c, d uint64) (hi, lo uint64) {
	hi, lo = bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, c, 0)
	hi += carry
	lo, carry = bits.Add64(lo, d, 0)
	return hi + carry, lo
}

// reduce subtracts p once where x, with its carry, is not below p.
func (f *field) reduce(x element, carry uint64) element {
	var r element
	var borrow uint64
	for i := range f.n {
		r[i], borrow = bits.Sub64(x[i], f.p[i], borrow)
	}
	if carry == 0 && borrow == 1 {
		return x
	}
	return r
}

func (f *field) add(x, y *element) element {
	var r element
	var c uint64
	for i := range f.n {
		r[i], c = bits.Add64(x[i], y[i], c)
	}
	return f.reduce(r, c)
}

func (f *field) sub(x, y *element) element {
	var r element
	var borrow, c uint64
	for i := range f.n {
		r[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	if borrow == 0 {
		return r
	}
	for i := range f.n {
		r[i], c = bits.Add64(r[i], f.p[i], c)
	}
	return r
}
