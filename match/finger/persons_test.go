package finger

import (
	"fmt"
	"testing"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
)

// TestPersons: the fingers of the emulated desk's persons must be told apart in
// every impression that the demo may show, on both scanners.
func TestPersons(t *testing.T) {
	const impressions = 6
	for _, w := range []ridge.Window{ridge.WindowZFM, ridge.WindowR503} {
		t.Run(fmt.Sprintf("%dx%d", w.Width, w.Height), func(t *testing.T) {
			var names []string
			var templates [][]*Template
			for i := range persons.Count {
				p, err := persons.Get(i)
				if err != nil {
					t.Fatal(err)
				}
				for _, position := range []eid.FingerPosition{eid.RightIndex, eid.LeftIndex} {
					f := ridge.Grow(p.FingerSeed(position))
					var row []*Template
					for n := range impressions {
						img := f.Impression(n, w)
						tpl, q, err := Extract(Image(*img))
						if err != nil {
							t.Fatal(err)
						}
						if q.Score < 50 {
							t.Errorf("person %d position %d impression %d: quality %d %v", i, position, n, q.Score, q.Reasons)
						}
						row = append(row, tpl)
					}
					names = append(names, fmt.Sprintf("person %d position %d (%v)", i, position, f.Class))
					templates = append(templates, row)
				}
			}
			lowest, highest := 1000.0, 0.0
			for f := range templates {
				for g := f; g < len(templates); g++ {
					for n, a := range templates[f] {
						for k, b := range templates[g] {
							if f == g && k <= n {
								continue
							}
							s := Compare(a, b)
							if f == g {
								lowest = min(lowest, s)
							} else {
								highest = max(highest, s)
							}
							if (s >= Threshold) != (f == g) {
								t.Errorf("%s impression %d against %s impression %d: score %.2f, threshold %.1f", names[f], n, names[g], k, s, Threshold)
							}
						}
					}
				}
			}
			t.Logf("lowest genuine %.2f, highest impostor %.2f", lowest, highest)
		})
	}
}
