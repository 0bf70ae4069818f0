package search

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/imagefile"
)

// TestSurvival measures on real prints how many of the mates that the engine
// accepts outlive the first stage, when FVC2000 names the folder of the
// unpacked sets (research only, never part of the project). Each print probes
// all others of all sets.
func TestSurvival(t *testing.T) {
	root := os.Getenv("FVC2000")
	if root == "" {
		t.Skip("FVC2000 names no folder: the research sets are not measured")
	}
	paths, err := filepath.Glob(filepath.Join(root, "fvc2000_db*_b", "*.tif"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sets in the folder: %v", err)
	}
	before := heap()
	var all []*finger.Prepared
	var fingers []string
	g := New(Options{Level: best(), AtLeast: 1})
	for i, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		img, _, err := imagefile.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		tpl, _, err := finger.Extract(finger.Image{Width: img.Width, Height: img.Height, DPI: finger.DPI, Pixels: img.Pixels})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, finger.Prepare(tpl))
		fingers = append(fingers, path[:len(path)-len("_1.tif")])
		if err := g.AddPrepared(uint64(i), all[i]); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d bytes a template in the gallery, %d of them for the first stage", (heap()-before)/len(all), g.Bytes()/len(all))
	shares := []float64{0.01, 0.02, 0.05, 0.1, 0.2}
	survived := make([]int, len(shares))
	mates := 0
	var m finger.Matcher
	for i, probe := range all {
		kept := make([]map[uint64]bool, len(shares))
		for k, share := range shares {
			// The mates (7 and the probe itself) come on top of the share: a real
			// gallery has one or two, not one in forty.
			g.options.Keep = share + 8/float64(len(all))
			contenders, err := g.rank(context.Background(), probe)
			if err != nil {
				t.Fatal(err)
			}
			kept[k] = map[uint64]bool{}
			for _, c := range contenders {
				kept[k][c.number()] = true
			}
		}
		for j := range all {
			if j == i || fingers[i] != fingers[j] || m.Compare(probe, all[j]) < finger.Threshold {
				continue
			}
			mates++
			for k := range shares {
				if kept[k][uint64(j)] {
					survived[k]++
				}
			}
		}
	}
	for k, share := range shares {
		t.Logf("keep %4.1f %%: %.2f %% of %d accepted mates survive", 100*share, 100*float64(survived[k])/float64(mates), mates)
	}
	if got := float64(survived[2]) / float64(mates); got < 0.97 {
		t.Errorf("%.2f %% of the mates survive at 5 %%, want 97", 100*got)
	}
}

// heap is how much memory is in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
