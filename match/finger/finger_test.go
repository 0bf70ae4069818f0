package finger

import (
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
)

func BenchmarkExtract(b *testing.B) {
	img := Image(*ridge.Grow(1).Impression(0, ridge.WindowZFM))
	for b.Loop() {
		if _, _, err := Extract(img); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	f := ridge.Grow(1)
	p, q := extract(b, f.Impression(0, ridge.WindowZFM)), extract(b, f.Impression(1, ridge.WindowZFM))
	b.ReportMetric(float64(len(p.Minutiae)+len(q.Minutiae))/2, "minutiae")
	for b.Loop() {
		Compare(p, q)
	}
}
