package ec

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestField compares with math/big, at the edges and at random.
func TestField(t *testing.T) {
	for _, c := range Curves() {
		f := c.f
		edge := []*big.Int{new(big.Int), big.NewInt(1), big.NewInt(2), new(big.Int).Sub(c.P, big.NewInt(1)), new(big.Int).Sub(c.P, big.NewInt(2)), new(big.Int).Rsh(c.P, 1)}
		for range 50 {
			b := make([]byte, c.Size()+8)
			for i := range b {
				b[i] = byte(rand.Uint32())
			}
			x := new(big.Int).SetBytes(b)
			edge = append(edge, x.Mod(x, c.P))
		}
		for _, x := range edge {
			for _, y := range edge {
				a, b := f.in(x), f.in(y)
				want := new(big.Int)
				if got := f.out(f.mul(&a, &b)); got.Cmp(want.Mul(x, y).Mod(want, c.P)) != 0 {
					t.Fatalf("%s: %x · %x = %x", c.Name, x, y, got)
				}
				if got := f.out(f.add(&a, &b)); got.Cmp(want.Add(x, y).Mod(want, c.P)) != 0 {
					t.Fatalf("%s: %x + %x = %x", c.Name, x, y, got)
				}
				if got := f.out(f.sub(&a, &b)); got.Cmp(want.Sub(x, y).Mod(want, c.P)) != 0 {
					t.Fatalf("%s: %x − %x = %x", c.Name, x, y, got)
				}
			}
		}
	}
}
