package ridge

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

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

// TestLook writes pictures for the eye when RIDGE_LOOK names a folder.
func TestLook(t *testing.T) {
	dir := os.Getenv("RIDGE_LOOK")
	if dir == "" {
		t.Skip("RIDGE_LOOK names no folder")
	}
	for seed := range uint64(6) {
		f := Grow(seed)
		m := image.NewGray(image.Rect(0, 0, masterWidth, masterHeight))
		for i, v := range f.ridges {
			m.Pix[i] = byte(127 - 127*max(-1, min(1, v)))
		}
		save(t, filepath.Join(dir, fmt.Sprintf("m%d.png", seed)), m)
		for n := range 3 {
			p := f.Impression(n, WindowZFM)
			save(t, filepath.Join(dir, fmt.Sprintf("i%d_%d.png", seed, n)), &image.Gray{Pix: p.Pixels, Stride: p.Width, Rect: image.Rect(0, 0, p.Width, p.Height)})
		}
		t.Log(seed, f.Class)
	}
}

func save(t *testing.T, path string, m image.Image) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}
