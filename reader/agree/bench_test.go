package agree

import (
	"crypto/rand"
	"testing"
)

// BenchmarkMapAndAgree is what PACE with generic mapping costs the reader: two
// key pairs, the mapping, the agreement.
func BenchmarkMapAndAgree(b *testing.B) {
	for _, id := range []int{2, 12, 13, 15, 16, 17, 18} {
		g, err := Standard(id)
		if err != nil {
			b.Fatal(err)
		}
		_, peer, err := g.Generate(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		nonce := make([]byte, 16)
		nonce[3] = 7
		b.Run(g.Name(), func(b *testing.B) {
			for b.Loop() {
				k, _, err := g.Generate(rand.Reader)
				if err != nil {
					b.Fatal(err)
				}
				m, err := g.MapGeneric(nonce, k, peer)
				if err != nil {
					b.Fatal(err)
				}
				if k, _, err = m.Generate(rand.Reader); err != nil {
					b.Fatal(err)
				}
				if _, err := m.Agree(k, peer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
