package prints

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/enrold/enrold/match/finger"
)

// fvcName is FINGER_IMPRESSION.EXTENSION, the naming of the Fingerprint
// Verification Competitions.
var fvcName = regexp.MustCompile(`(?i)^(\d{1,6})_(\d{1,6})\.(tif|tiff|png|bmp|wsq|pgm|jpg|jpeg)$`)

type fvcFile struct {
	path               string
	finger, impression int
}

type fvcSet struct {
	name  string
	dpi   int
	files []fvcFile
}

// findSets returns the folder itself if it holds a set, else the sets in its
// folders.
func findSets(dir string) ([]fvcSet, error) {
	own, err := readSet(dir)
	if err != nil {
		return nil, err
	}
	if len(own.files) > 0 {
		return []fvcSet{own}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var sets []fvcSet
	for _, e := range entries {
		// A link to a folder counts.
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err != nil || !info.IsDir() {
			continue
		}
		s, err := readSet(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if len(s.files) > 0 {
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("%s holds no images named FINGER_IMPRESSION.tif", dir)
	}
	return sets, nil
}

func readSet(dir string) (fvcSet, error) {
	s := fvcSet{name: filepath.Base(dir), dpi: finger.DPI}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return s, err
	}
	for _, e := range entries {
		if m := fvcName.FindStringSubmatch(e.Name()); m != nil && !e.IsDir() {
			f, _ := strconv.Atoi(m[1])
			i, _ := strconv.Atoi(m[2])
			s.files = append(s.files, fvcFile{filepath.Join(dir, e.Name()), f, i})
		}
	}
	slices.SortFunc(s.files, func(a, b fvcFile) int {
		return cmp.Or(cmp.Compare(a.finger, b.finger), cmp.Compare(a.impression, b.impression))
	})
	for i := 1; i < len(s.files); i++ {
		if a, b := s.files[i-1], s.files[i]; a.finger == b.finger && a.impression == b.impression {
			return s, fmt.Errorf("%s and %s are one impression", a.path, b.path)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "dpi"))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	if s.dpi, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil {
		return s, fmt.Errorf("read dpi of %s: %w", dir, err)
	}
	return s, nil
}
