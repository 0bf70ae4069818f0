package lds

import (
	"bytes"
	"image/jpeg"
	"os"
	"testing"

	"github.com/enrold/enrold/hw/emu/persons"
)

func TestAlterPortrait(t *testing.T) {
	citizen, _ := chips(t, 0)
	checkAltered(t, citizen)
}

// TestAlterPhotographs does it to the photographs that the demo's cards carry.
func TestAlterPhotographs(t *testing.T) {
	const photos = "../../../build/photos"
	if _, err := os.Stat(photos); err != nil {
		t.Skip("no photographs: run `make setup`")
	}
	for i := range persons.Count {
		c, err := Load(i, "citizen", photos)
		if err != nil {
			t.Fatal(err)
		}
		checkAltered(t, c)
	}
}

func checkAltered(t *testing.T, c *Chip) {
	t.Helper()
	before := c.Files[DG(2)]
	if err := c.AlterPortrait(); err != nil {
		t.Fatal(err)
	}
	after := c.Files[DG(2)]
	changed := 0
	for i := range before {
		if before[i] != after[i] {
			changed++
		}
	}
	if len(before) != len(after) || changed != 1 {
		t.Errorf("%d bytes changed, length %d to %d: want one byte", changed, len(before), len(after))
	}
	if _, err := jpeg.Decode(bytes.NewReader(find(t, after, 0x75, 0x7F61, 0x7F60, 0x5F2E)[46:])); err != nil {
		t.Errorf("the altered portrait does not decode: %v", err)
	}
}
