package lds

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/tlv"
)

// ParseDG1 reads the machine readable zone in DG1 (Doc 9303-10 §4.7.1). Its
// check digits must hold; today decides the century of the birth date. Errors
// about the zone are *eid.Error with eid.CodeMRZCheck.
func ParseDG1(file []byte, today time.Time) (mrz.Document, error) {
	content, err := body(file, 1)
	if err != nil {
		return mrz.Document{}, err
	}
	zone, err := tlv.Find(content, 0x5F1F)
	if err != nil {
		return mrz.Document{}, fmt.Errorf("DG1: %w", err)
	}
	width := map[int]int{90: 30, 72: 36, 88: 44}[len(zone)]
	if width == 0 {
		return mrz.Document{}, errors.New("DG1: machine readable zone has an unknown size")
	}
	var lines []string
	for line := range slices.Chunk(zone, width) {
		lines = append(lines, string(line))
	}
	d, err := mrz.Parse(lines, today)
	if err != nil {
		return mrz.Document{}, fmt.Errorf("DG1: %w", err)
	}
	return d, nil
}
