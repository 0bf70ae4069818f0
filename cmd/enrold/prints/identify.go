package prints

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/search"
	"github.com/enrold/enrold/match/simd"
)

type identifyCmd struct {
	Probe   string  `arg:"" type:"existingfile" help:"Image or template."`
	Gallery string  `arg:"" type:"existingdir" help:"Folder of images and templates; other files are left out."`
	Top     int     `default:"10" help:"How many candidates are shown."`
	Keep    float64 `default:"0.1" help:"Share of the gallery that the whole comparison sees, 0 to 1."`
	Threads int     `default:"1" help:"Threads to use."`
	DPI     int     `name:"dpi" help:"Resolution of the images; by default what the files say, else 500."`
	JSON    bool    `help:"Print JSON."`
}

// hit is one candidate as it is printed.
type hit struct {
	File  string  `json:"file"`
	Score float64 `json:"score"`
	Match bool    `json:"match"`
}

func (c *identifyCmd) Run(ctx context.Context, out io.Writer) error {
	level, err := simd.Current()
	if err != nil {
		return err
	}
	probe, err := readPrint(c.Probe, c.DPI)
	if err != nil {
		return err
	}
	if err := probe.usable(); err != nil {
		return err
	}
	gallery := search.New(search.Options{Keep: c.Keep, Threads: c.Threads, Level: level})
	files, left, err := c.fill(gallery)
	if err != nil {
		return err
	}
	found, err := gallery.Search(ctx, probe.template, c.Top)
	if err != nil {
		return err
	}
	hits := make([]hit, len(found))
	for i, f := range found {
		hits[i] = hit{files[f.Number], f.Score, f.Score >= finger.Threshold}
	}
	if c.JSON {
		return json.NewEncoder(out).Encode(map[string]any{
			"candidates": hits, "gallery": gallery.Len(), "left_out": left, "threshold": finger.Threshold, "simd": level.String(),
		})
	}
	for _, h := range hits {
		mark := ""
		if h.Match {
			mark = "  match"
		}
		fmt.Fprintf(out, "%8.2f  %s%s\n", h.Score, h.File, mark)
	}
	fmt.Fprintf(os.Stderr, "%d prints searched, %d files left out\n", gallery.Len(), left)
	return nil
}

// fill adds the folder's prints under the index of their file.
func (c *identifyCmd) fill(g *search.Gallery) (files []string, left int, err error) {
	entries, err := os.ReadDir(c.Gallery)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			files = append(files, e.Name())
		}
	}
	templates := make([]*finger.Template, len(files))
	inParallel(c.Threads, len(files), func(i int) {
		// A file that is no print, or a damaged one, is left out.
		if p, err := readPrint(filepath.Join(c.Gallery, files[i]), c.DPI); err == nil && p.usable() == nil {
			templates[i] = p.template
		}
	})
	for i, t := range templates {
		if t == nil {
			left++
		} else if err := g.Add(uint64(i), t); err != nil {
			return nil, 0, err
		}
	}
	if left == len(files) {
		return nil, 0, fmt.Errorf("%s holds no print", c.Gallery)
	}
	return files, left, nil
}

// inParallel calls work for 0..n-1 on that many threads.
func inParallel(threads, n int, work func(int)) {
	var next atomic.Int64
	take := func() int { return int(next.Add(1)) - 1 }
	var group sync.WaitGroup
	for range max(1, min(threads, n)) {
		group.Go(func() {
			for i := take(); i < n; i = take() {
				work(i)
			}
		})
	}
	group.Wait()
}
