package ridge

import "testing"

func BenchmarkGrow(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		Grow(uint64(i))
	}
}

func BenchmarkImpression(b *testing.B) {
	f := Grow(1)
	for i := 0; b.Loop(); i++ {
		f.Impression(i, WindowZFM)
	}
}
