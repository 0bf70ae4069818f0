package finger

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/image/tiff"

	"github.com/enrold/enrold/hw/emu/ridge"
)

// trial holds the scores of one set of fingers, ISO/IEC 19795-1: genuine are
// all pairs within a finger, impostor all pairs between fingers.
type trial struct {
	genuine, impostor []float64 // sorted
	pairs             [][3]int  // finger and two impressions of each genuine pair
	scores            []float64 // in the order of pairs
}

// measure compares every pair of impressions once; templates[f][n].
func measure(templates [][]*Template) trial {
	prepared := make([][]*Prepared, len(templates))
	for f, row := range templates {
		for _, tpl := range row {
			prepared[f] = append(prepared[f], Prepare(tpl))
		}
	}
	var t trial
	var m Matcher
	for f := range prepared {
		for g := f; g < len(prepared); g++ {
			for n, a := range prepared[f] {
				for k, b := range prepared[g] {
					switch {
					case f == g && k > n:
						t.pairs = append(t.pairs, [3]int{f, n, k})
						t.scores = append(t.scores, m.Compare(a, b))
					case f != g:
						t.impostor = append(t.impostor, m.Compare(a, b))
					}
				}
			}
		}
	}
	t.genuine = slices.Clone(t.scores)
	slices.Sort(t.genuine)
	slices.Sort(t.impostor)
	return t
}

// reject is the share of genuine pairs under the threshold when the share of
// pairs with the lowest quality is left out: the error-versus-reject curve of
// ISO/IEC 29794-1.
func (t trial) reject(share, threshold float64, quality func(f, n int) int) float64 {
	order := make([]int, len(t.pairs))
	for i := range order {
		order[i] = i
	}
	worse := func(i int) int { p := t.pairs[i]; return min(quality(p[0], p[1]), quality(p[0], p[2])) }
	slices.SortStableFunc(order, func(i, k int) int { return worse(i) - worse(k) })
	kept := order[int(share*float64(len(order))):]
	missed := 0
	for _, i := range kept {
		if t.scores[i] < threshold {
			missed++
		}
	}
	return float64(missed) / float64(len(kept))
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
		var grades [][]int
		var e Extractor
		minutiae, quality := 0, 0
		var spent time.Duration
		for f := 101; f <= 110; f++ {
			var row []*Template
			var marks []int
			for n := 1; n <= 8; n++ {
				path := filepath.Join(root, fmt.Sprintf("fvc2000_db%d_b", set), fmt.Sprintf("%d_%d.tif", f, n))
				img := readTIFF(t, path)
				start := cpuTime(t)
				tpl, q, err := e.Extract(img)
				if err != nil {
					t.Fatal(err)
				}
				spent += cpuTime(t) - start
				row, marks = append(row, tpl), append(marks, q.Score)
				minutiae += len(tpl.Minutiae)
				quality += q.Score
			}
			templates, grades = append(templates, row), append(grades, marks)
		}
		r := measure(templates)
		t.Logf("DB%d_B minutiae %d, quality %d, extraction %.1f ms: %v", set, minutiae/80, quality/80, float64(spent.Microseconds())/80000, r)
		curve := "FNMR at the threshold when the worst are rejected:"
		for _, share := range []float64{0, 0.1, 0.2, 0.3} {
			curve += fmt.Sprintf(" %.0f%%: %.2f%%", 100*share, 100*r.reject(share, Threshold, func(f, n int) int { return grades[f][n] }))
		}
		t.Log(curve)
		if r.eer() > 0.05 {
			t.Errorf("DB%d_B: EER %.2f%%, want at most 5%%", set, 100*r.eer())
		}
	}
}

func readTIFF(t testing.TB, path string) Image {
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
