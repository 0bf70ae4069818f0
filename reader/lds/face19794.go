package lds

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes and constants of ISO/IEC 19794-5:2005 §5.
const (
	facialMagic   = "FAC\x00"
	facialVersion = "010\x00"
	facialHeader  = 14 // magic, version, length of record, number of images
	facialInfo    = 20 // length of image record, number of feature points, …
	featurePoint  = 8
	imageInfo     = 12
)

// facialImages returns the images of a facial record.
func facialImages(r []byte) ([][]byte, error) {
	if len(r) < facialHeader {
		return nil, fmt.Errorf("facial record is %w", errCut)
	}
	if string(r[4:8]) != facialVersion {
		return nil, errors.New("version of the facial record is not supported")
	}
	if total := binary.BigEndian.Uint32(r[8:]); uint64(total) > uint64(len(r)) {
		return nil, fmt.Errorf("facial record is %w", errCut)
	}
	count := int(binary.BigEndian.Uint16(r[12:]))
	if count == 0 || count > maxBlocks {
		return nil, fmt.Errorf("facial record holds %d images", count)
	}
	r = r[facialHeader:]
	var list [][]byte
	for range count {
		if len(r) < facialInfo {
			return nil, fmt.Errorf("image of the facial record is %w", errCut)
		}
		length := uint64(binary.BigEndian.Uint32(r))
		start := facialInfo + uint64(binary.BigEndian.Uint16(r[4:]))*featurePoint + imageInfo
		if length > uint64(len(r)) || start >= length {
			return nil, fmt.Errorf("image of the facial record is %w", errCut)
		}
		list = append(list, r[start:length:length])
		r = r[length:]
	}
	return list, nil
}
