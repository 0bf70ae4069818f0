package ec_test

import (
	"bytes"
	"crypto/sha512"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/reader/ec"
)

func TestDomains(t *testing.T) {
	for _, c := range ec.Curves() {
		if !c.P.ProbablyPrime(8) || !c.N.ProbablyPrime(8) || !c.On(c.G) {
			t.Errorf("%s: table is damaged", c.Name)
		}
		// order of the generator, and the neutral element
		last := c.Multiply(new(big.Int).Sub(c.N, big.NewInt(1)), c.G)
		if !last.Equal(c.Negate(c.G)) || !c.Multiply(c.N, c.G).Infinite() || !c.Add(last, c.G).Infinite() {
			t.Errorf("%s: order of the generator", c.Name)
		}
		two := c.Add(c.G, c.G)
		if !two.Equal(c.Multiply(big.NewInt(2), c.G)) || !c.Add(two, c.G).Equal(c.Multiply(big.NewInt(3), c.G)) || !c.Add(ec.Point{}, two).Equal(two) {
			t.Errorf("%s: addition", c.Name)
		}
		if ec.ByOID(c.OID) != c || ec.ByName(c.Name) != c || ec.ByParameters(c.P, c.A, c.B, c.G.X, c.G.Y, c.N) != c {
			t.Errorf("%s: not found", c.Name)
		}
		// another generator of the same curve is another domain
		if ec.ByParameters(c.P, c.A, c.B, two.X, two.Y, c.N) != nil || ec.ByParameters(c.P, c.A, c.B, c.G.X, nil, c.N) != nil {
			t.Errorf("%s: accepts a foreign generator", c.Name)
		}
		for _, p := range []ec.Point{c.G, two, last} {
			compressed := append([]byte{2 + byte(p.Y.Bit(0))}, c.Encode(p)[1:1+c.Size()]...)
			for _, b := range [][]byte{c.Encode(p), compressed} {
				if got, err := c.Decode(b); err != nil || !got.Equal(p) {
					t.Errorf("%s: decode: %v", c.Name, err)
				}
			}
		}
		off := c.Encode(c.G)
		off[len(off)-1] ^= 1
		for _, b := range [][]byte{nil, {0}, off, off[:10], append([]byte{2}, bytes.Repeat([]byte{0xFF}, c.Size())...)} {
			if _, err := c.Decode(b); err == nil {
				t.Errorf("%s: decodes %x", c.Name, b)
			}
		}
	}
	if ec.ByOID("1.2.3") != nil || ec.ByName("none") != nil {
		t.Error("finds unknown curves")
	}
}

// TestVerify signs with the textbook equations and both paths of Verify.
func TestVerify(t *testing.T) {
	for _, c := range ec.Curves() {
		d, k := big.NewInt(0xC0FFEE), big.NewInt(0xFACADE)
		q := c.Multiply(d, c.G)
		h := sha512.Sum512([]byte(c.Name))
		r := c.Multiply(k, c.G).X
		r = new(big.Int).Mod(r, c.N)
		e := new(big.Int).SetBytes(h[:])
		if n := 512 - c.N.BitLen(); n > 0 {
			e.Rsh(e, uint(n))
		}
		s := new(big.Int).Mul(r, d)
		s.Add(s, e).Mul(s, new(big.Int).ModInverse(k, c.N)).Mod(s, c.N)
		if !c.Verify(q, h[:], r, s) {
			t.Errorf("%s: good signature refused", c.Name)
		}
		h[0] ^= 1
		zero := new(big.Int)
		for name, ok := range map[string]bool{
			"another hash": c.Verify(q, h[:], r, s), "zero r": c.Verify(q, h[:], zero, s), "zero s": c.Verify(q, h[:], r, zero),
			"large s": c.Verify(q, h[:], r, new(big.Int).Add(s, c.N)), "no key": c.Verify(ec.Point{}, h[:], r, s),
		} {
			if ok {
				t.Errorf("%s: %s accepted", c.Name, name)
			}
		}
	}
}

// TestDomainsAgainstOpenSSL compares every parameter with an independent table.
func TestDomainsAgainstOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	for _, c := range ec.Curves() {
		name := c.Name
		if name == "secp192r1" || name == "secp256r1" {
			name = map[string]string{"secp192r1": "prime192v1", "secp256r1": "prime256v1"}[name]
		}
		file := filepath.Join(t.TempDir(), "curve.der")
		if out, err := exec.Command("openssl", "ecparam", "-name", name, "-param_enc", "explicit", "-outform", "DER", "-out", file).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", name, err, out)
		}
		der, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for what, n := range map[string]*big.Int{"p": c.P, "a": c.A, "b": c.B, "n": c.N} {
			if !bytes.Contains(der, n.Bytes()) {
				t.Errorf("%s: %s differs", c.Name, what)
			}
		}
		if !bytes.Contains(der, c.Encode(c.G)) {
			t.Errorf("%s: generator differs", c.Name)
		}
	}
}

func BenchmarkVerifyP512(b *testing.B) {
	c := ec.ByName("brainpoolP512r1")
	q := c.Multiply(big.NewInt(12345), c.G)
	h := sha512.Sum512(nil)
	for b.Loop() {
		c.Verify(q, h[:], c.G.X, c.G.Y)
	}
}
