package ridge

import (
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// TestLook draws two sheets for the eye when RIDGE_LOOK names a folder:
// masters.png and impressions.png (a finger a row).
func TestLook(t *testing.T) {
	dir := os.Getenv("RIDGE_LOOK")
	if dir == "" {
		t.Skip("RIDGE_LOOK names no folder: no pictures drawn")
	}
	const columns, rows = 4, 3
	masters := image.NewGray(image.Rect(0, 0, columns*masterWidth, rows*masterHeight))
	impressions := image.NewGray(image.Rect(0, 0, (columns+1)*260, rows*292))
	for i := range columns * rows {
		f := Grow(uint64(100 + i))
		t.Logf("%d: %v", i, f.Class)
		m := image.NewGray(image.Rect(0, 0, masterWidth, masterHeight))
		for k, v := range f.ridges {
			m.Pix[k] = byte(127 - 127*max(-1, min(1, v)))
		}
		paste(masters, m, i%columns*masterWidth, i/columns*masterHeight)
		if i >= rows {
			continue
		}
		for n := range columns {
			paste(impressions, gray(f.Impression(n, WindowZFM)), n*260, i*292)
		}
		paste(impressions, gray(f.Impression(0, WindowR503)), columns*260, i*292)
	}
	save(t, filepath.Join(dir, "masters.png"), masters)
	save(t, filepath.Join(dir, "impressions.png"), impressions)
}

func gray(p *Image) *image.Gray {
	return &image.Gray{Pix: p.Pixels, Stride: p.Width, Rect: image.Rect(0, 0, p.Width, p.Height)}
}

func paste(to *image.Gray, m *image.Gray, x, y int) {
	draw.Draw(to, m.Bounds().Add(image.Pt(x, y)), m, image.Point{}, draw.Src)
}

func save(t *testing.T, path string, m image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
