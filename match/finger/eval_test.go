package finger

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/image/tiff"

	"github.com/enrold/enrold/hw/emu/ridge"
)

// trial holds the scores of one set of fingers, ISO/IEC 19795-1: genuine are
// all pairs within a finger, impostor all pairs between fingers.
type trial struct{ genuine, impostor []float64 }

// measure compares every pair of impressions once; templates[f][n].
func measure(templates [][]*Template) trial {
	var t trial
	for f := range templates {
		for g := f; g < len(templates); g++ {
			for n, a := range templates[f] {
				for k, b := range templates[g] {
					switch {
					case f == g && k > n:
						t.genuine = append(t.genuine, Compare(a, b))
					case f != g:
						t.impostor = append(t.impostor, Compare(a, b))
					}
				}
			}
		}
	}
	slices.Sort(t.genuine)
	slices.Sort(t.impostor)
	return t
}

// eer is the equal error rate, 0..1.
func (t trial) eer() float64 {
	best := 1.0
	for _, s := range t.genuine {
		best = min(best, max(t.fnmr(s), t.fmr(s)))
	}
	return best
}

// fnmr is the share of genuine pairs under the threshold.
func (t trial) fnmr(threshold float64) float64 {
	n, _ := slices.BinarySearch(t.genuine, threshold)
	return float64(n) / float64(len(t.genuine))
}

// fmr is the share of impostor pairs at or over the threshold.
func (t trial) fmr(threshold float64) float64 {
	n, _ := slices.BinarySearch(t.impostor, threshold)
	return float64(len(t.impostor)-n) / float64(len(t.impostor))
}

// at is the threshold at which the FMR is at most rate.
func (t trial) at(rate float64) float64 {
	allowed := int(rate * float64(len(t.impostor)))
	return t.impostor[len(t.impostor)-1-allowed] + 1e-9
}

func (t trial) String() string {
	return fmt.Sprintf("genuine %d (lowest %.1f, 1%% %.1f, median %.1f) impostor %d (median %.1f, 99%% %.1f, 99.9%% %.1f, highest %.1f) EER %.2f%% FMR100 %.2f%% FMR1000 %.2f%% at threshold: FNMR %.2f%% FMR %.3f%%",
		len(t.genuine), t.genuine[0], t.genuine[len(t.genuine)/100], t.genuine[len(t.genuine)/2],
		len(t.impostor), t.impostor[len(t.impostor)/2], t.at(0.01), t.at(0.001), t.impostor[len(t.impostor)-1],
		100*t.eer(), 100*t.fnmr(t.at(0.01)), 100*t.fnmr(t.at(0.001)), 100*t.fnmr(Threshold), 100*t.fmr(Threshold))
}

// synthetic extracts impressions 0..n-1 of fingers grown from seed first on.
func synthetic(t testing.TB, first uint64, fingers, n int, w ridge.Window) [][]*Template {
	t.Helper()
	out := make([][]*Template, fingers)
	for f := range out {
		finger := ridge.Grow(first + uint64(f))
		for k := range n {
			out[f] = append(out[f], mustExtract(t, Image(*finger.Impression(k, w))))
		}
	}
	return out
}

// TestFVC2000 measures the engine on real prints (four sets of 10 fingers x 8
// impressions) when FVC2000 names the folder of the unpacked sets. The sets are
// for research only and are never part of the project.
func TestFVC2000(t *testing.T) {
	root := os.Getenv("FVC2000")
	if root == "" {
		t.Skip("FVC2000 names no folder: the research sets are not measured")
	}
	for set := 1; set <= 4; set++ {
		var templates [][]*Template
		for f := 101; f <= 110; f++ {
			var row []*Template
			for n := 1; n <= 8; n++ {
				path := filepath.Join(root, fmt.Sprintf("fvc2000_db%d_b", set), fmt.Sprintf("%d_%d.tif", f, n))
				tpl, _, err := Extract(readTIFF(t, path))
				if err != nil {
					t.Fatal(err)
				}
				row = append(row, tpl)
			}
			templates = append(templates, row)
		}
		minutiae := 0
		for _, row := range templates {
			for _, tpl := range row {
				minutiae += len(tpl.Minutiae)
			}
		}
		t.Logf("DB%d_B minutiae %d: %v", set, minutiae/80, measure(templates))
	}
}

func readTIFF(t *testing.T, path string) Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("research sets are missing: %v", err)
	}
	defer f.Close()
	m, err := tiff.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	g, ok := m.(*image.Gray)
	if !ok {
		t.Fatalf("%s: %T, want a grey image", path, m)
	}
	img := Image{Width: g.Rect.Dx(), Height: g.Rect.Dy(), DPI: DPI}
	for y := range img.Height {
		img.Pixels = append(img.Pixels, g.Pix[y*g.Stride:][:img.Width]...)
	}
	return img
}

// TestSyntheticAccuracy is the engine's own bar on fingers that it has not
// been fitted to.
func TestSyntheticAccuracy(t *testing.T) {
	for _, c := range []struct {
		window  ridge.Window
		fingers int
		eer     float64
	}{
		{ridge.WindowZFM, 40, 0.01},
		{ridge.WindowR503, 20, 0.02}, // half of the area, half of the minutiae
	} {
		templates := synthetic(t, 1000, c.fingers, 4, c.window)
		n := 0
		for _, row := range templates {
			n += len(row[0].Minutiae)
		}
		r := measure(templates)
		t.Logf("%dx%d minutiae %d: %v", c.window.Width, c.window.Height, n/c.fingers, r)
		if r.eer() > c.eer {
			t.Errorf("EER %.2f%%, want at most %.0f%%", 100*r.eer(), 100*c.eer)
		}
		if r.fmr(Threshold) > 0 {
			t.Errorf("FMR %.3f%% at the threshold: the highest impostor scores %.2f", 100*r.fmr(Threshold), r.impostor[len(r.impostor)-1])
		}
	}
}
