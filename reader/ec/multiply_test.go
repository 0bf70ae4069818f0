package ec

import (
	"crypto/rand"
	"math/big"
	"testing"
)

// The library's multiplication, the window and the plain method agree.
func TestMultiplyMethodsAgree(t *testing.T) {
	for _, c := range Curves() {
		p := c.Multiply(big.NewInt(12345), c.G)
		for i := range 8 {
			k, err := rand.Int(rand.Reader, c.N)
			if err != nil {
				t.Fatal(err)
			}
			switch i {
			case 0:
				k = new(big.Int)
			case 1:
				k = big.NewInt(1)
			case 2:
				k = new(big.Int).Sub(c.N, big.NewInt(1))
			case 3:
				k = new(big.Int).Add(c.N, big.NewInt(16))
			}
			want := c.affine(c.sum(k, p, new(big.Int), Point{}))
			if got := c.Multiply(k, p); !got.Equal(want) || !got.Infinite() && !c.On(got) {
				t.Errorf("%s, %x: %v, want %v", c.Name, k, got, want)
			}
			if got := c.affine(c.windowed(k, p)); !got.Equal(want) {
				t.Errorf("%s, %x: window differs", c.Name, k)
			}
		}
		if !c.Multiply(big.NewInt(3), Point{}).Infinite() {
			t.Errorf("%s: multiple of infinity", c.Name)
		}
	}
}
