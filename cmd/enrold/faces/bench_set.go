package faces

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pairSet is what is compared: photographs, groups of them that make one
// template each, and comparisons of groups.
type pairSet struct {
	paths  []string
	groups [][]int // indices of paths
	trials []trial
}

type trial struct {
	a, b  int // indices of groups
	mated bool
	score float64
}

const mostTrials = 50_000_000 // 16 bytes each and more: what a desk's memory bears

// readPairs reads "path, path, 0|1" lines; a first line of headings is
// passed over, and further columns are.
func readPairs(file string) (pairSet, error) {
	var s pairSet
	f, err := os.Open(file)
	if err != nil {
		return s, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.TrimLeadingSpace, r.Comment = -1, true, '#'
	index := map[string]int{}
	at := func(path string) int {
		if !filepath.IsAbs(path) {
			if beside := filepath.Join(filepath.Dir(file), path); exists(beside) || !exists(path) {
				path = beside
			}
		}
		i, ok := index[path]
		if !ok {
			i = len(s.paths)
			index[path] = i
			s.paths = append(s.paths, path)
			s.groups = append(s.groups, []int{i})
		}
		return i
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s, fmt.Errorf("read pairs: %w", err)
		}
		line, _ := r.FieldPos(0)
		if len(row) < 3 {
			return s, fmt.Errorf("read pairs: line %d has %d columns, want path, path, 0 or 1", line, len(row))
		}
		label := strings.TrimSpace(row[2])
		if label != "0" && label != "1" {
			if len(s.trials) == 0 && len(s.paths) == 0 {
				continue // headings
			}
			return s, fmt.Errorf("read pairs: line %d is labelled %q, want 0 or 1", line, label)
		}
		s.trials = append(s.trials, trial{a: at(strings.TrimSpace(row[0])), b: at(strings.TrimSpace(row[1])), mated: label == "1"})
	}
	if len(s.trials) == 0 {
		return s, errors.New("read pairs: the file has none")
	}
	return s, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// photographExtensions are the files of a person's folder that count.
var photographExtensions = []string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".pgm", ".ppm", ".pnm"}

// readDir reads a folder of persons. With k of 1 all pairs of photographs
// are compared. With more, each person's photographs in the order of their names
// are cut into groups of k (a rest is left out), each group makes a template,
// and each template is compared with every photograph that is not in it.
func readDir(dir string, k int) (pairSet, error) {
	var s pairSet
	people, err := os.ReadDir(dir)
	if err != nil {
		return s, err
	}
	var person []int
	for n, p := range people {
		folder := filepath.Join(dir, p.Name())
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		photographs, err := os.ReadDir(folder)
		if err != nil {
			return s, err
		}
		for _, ph := range photographs {
			if slices.Contains(photographExtensions, strings.ToLower(filepath.Ext(ph.Name()))) {
				s.groups = append(s.groups, []int{len(s.paths)})
				s.paths = append(s.paths, filepath.Join(folder, ph.Name()))
				person = append(person, n)
			}
		}
	}
	single := len(s.paths)
	if single < 2 {
		return s, fmt.Errorf("%s holds no folders of photographs", dir)
	}
	if k == 1 {
		if single*(single-1)/2 > mostTrials {
			return s, fmt.Errorf("%d photographs are too many for all pairs", single)
		}
		for a := range single {
			for b := a + 1; b < single; b++ {
				s.trials = append(s.trials, trial{a: a, b: b, mated: person[a] == person[b]})
			}
		}
		return s, nil
	}
	for at := 0; at < single; {
		end := at
		for end < single && person[end] == person[at] {
			end++
		}
		for ; at+k <= end; at += k {
			group := make([]int, k)
			for i := range group {
				group[i] = at + i
			}
			s.groups = append(s.groups, group)
		}
		at = end
	}
	if (len(s.groups)-single)*single > mostTrials {
		return s, fmt.Errorf("%d templates and %d photographs are too many", len(s.groups)-single, single)
	}
	for g := single; g < len(s.groups); g++ {
		for b := range single {
			if !slices.Contains(s.groups[g], b) {
				s.trials = append(s.trials, trial{a: g, b: b, mated: person[s.groups[g][0]] == person[b]})
			}
		}
	}
	if len(s.trials) == 0 {
		return s, fmt.Errorf("nobody in %s has %d photographs", dir, k)
	}
	return s, nil
}
