package emrtd

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/tlv"
)

// groupTags are the tags of data groups 1 to 16 in EF.COM (Doc 9303-10 §4.6.1).
var groupTags = [...]byte{0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}

// ParseCOM returns the numbers of the data groups that EF.COM lists, in
// ascending order. EF.COM is not signed: what counts is the security object.
func ParseCOM(file []byte) ([]int, error) {
	body, err := tlv.Find(file, 0x60)
	if err != nil {
		return nil, fmt.Errorf("EF.COM: %w", err)
	}
	tags, err := tlv.Find(body, 0x5C)
	if err != nil {
		return nil, fmt.Errorf("EF.COM: %w", err)
	}
	var groups []int
	for _, t := range tags {
		n := slices.Index(groupTags[:], t) + 1
		if n > 0 && !slices.Contains(groups, n) {
			groups = append(groups, n)
		}
	}
	slices.Sort(groups)
	return groups, nil
}

// ParseDG1 reads the machine readable zone in DG1 (Doc 9303-10 §4.7.1). Its
// check digits must hold; today decides the century of the birth date. Errors
// about the zone are *eid.Error with eid.CodeMRZCheck.
func ParseDG1(file []byte, today time.Time) (mrz.Document, error) {
	body, err := tlv.Find(file, 0x61)
	if err != nil {
		return mrz.Document{}, fmt.Errorf("DG1: %w", err)
	}
	zone, err := tlv.Find(body, 0x5F1F)
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
