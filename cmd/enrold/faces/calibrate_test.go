package faces

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestGroupsFollowPairs: labels belong to the lines that the pairs come from,
// whatever else is in the file.
func TestGroupsFollowPairs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pairs.csv")
	text := "left,right,same,sex,age\n# a remark\na.jpg, b.jpg, 1, F, 18-29\na.jpg,c.jpg,0\n\nb.jpg,c.jpg,0,M\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := readPairs(file)
	if err != nil {
		t.Fatal(err)
	}
	labels, err := readGroups(file)
	want := []groupLabel{{"F", "18-29"}, {}, {"M", ""}}
	if err != nil || !slices.Equal(labels, want) || len(set.trials) != len(labels) {
		t.Errorf("labels %+v of %d pairs, %v", labels, len(set.trials), err)
	}
}
