package lds

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"slices"
)

// AlterPortrait changes one byte of the portrait in DG2 after signing, as a
// forger would: the image still decodes and looks different, the hash in the
// security object no longer fits. The byte lies as late in the compressed data
// as that allows, so most of the face stays.
func (c *Chip) AlterPortrait() error {
	file := c.Files[DG(2)]
	start := bytes.Index(file, []byte{0xFF, 0xD8, 0xFF})
	if start < 0 {
		return errors.New("alter portrait: no JPEG in DG2")
	}
	before, err := jpeg.Decode(bytes.NewReader(file[start:]))
	if err != nil {
		return errors.New("alter portrait: the JPEG in DG2 does not decode")
	}
	altered := slices.Clone(file)
	// The last four bytes may be padding bits and the end marker.
	for i := len(file) - 5; i > len(file)/2; i-- {
		if slices.Contains(file[i-1:i+2], 0xFF) { // markers and stuffing stay
			continue
		}
		altered[i] ^= 0x10
		after, err := jpeg.Decode(bytes.NewReader(altered[start:]))
		if err == nil && altered[i] != 0xFF && !same(before, after) {
			c.Files[DG(2)] = altered
			return nil
		}
		altered[i] = file[i]
	}
	return errors.New("alter portrait: no byte can change without breaking the JPEG")
}

func same(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}
