package emrtd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/tlv"
)

// Portrait is the first face image of DG2 as the chip holds it.
type Portrait struct {
	Image []byte // a complete JPEG or JPEG 2000 file or codestream
	Type  string // image/jpeg, image/jp2
}

// ParseDG2 takes the first face image out of DG2: a biometric information group
// template (Doc 9303-10 §4.7.2, tags 75, 7F61, 7F60, 5F2E) around a facial
// record of ISO/IEC 19794-5:2005. The image's own signature decides its type,
// since the record's type byte is known to be wrong in the field.
func ParseDG2(file []byte) (Portrait, error) {
	p, err := parseDG2(file)
	if err != nil {
		return Portrait{}, fmt.Errorf("DG2: %w", err)
	}
	return p, nil
}

func parseDG2(file []byte) (Portrait, error) {
	if len(file) > MaxFile {
		return Portrait{}, errors.New("file is too large")
	}
	b := file
	for _, tag := range []uint32{0x75, 0x7F61, 0x7F60} {
		var err error
		if b, err = tlv.Find(b, tag); err != nil {
			return Portrait{}, err
		}
	}
	record, err := tlv.Find(b, 0x5F2E)
	if err != nil {
		// A constructed block (7F2E) holds the record in an object of its own.
		if record, err = tlv.Find(b, 0x7F2E); err != nil {
			return Portrait{}, errors.New("biometric data block is missing")
		}
		if o, _, err := tlv.Next(record); err == nil && o.Tag == 0x5F2E {
			record = o.Value
		}
	}
	image, err := facialImage(record)
	if err != nil {
		return Portrait{}, err
	}
	kind := imageType(image)
	if kind == "" {
		return Portrait{}, errors.New("image is neither JPEG nor JPEG 2000")
	}
	return Portrait{Image: image, Type: kind}, nil
}

// Sizes of ISO/IEC 19794-5:2005 §5.
const (
	facialHeader  = 14 // "FAC\0", version "010\0", length of record, number of images
	facialInfo    = 20 // length of image record, number of feature points, …
	featurePoint  = 8
	imageInfo     = 12
	facialVersion = "010\x00"
)

// facialImage returns the first image of a facial record.
func facialImage(r []byte) ([]byte, error) {
	if len(r) < facialHeader+facialInfo+imageInfo {
		return nil, errors.New("facial record is cut short")
	}
	if string(r[:4]) != "FAC\x00" {
		return nil, errors.New("biometric data block is no facial record")
	}
	if string(r[4:8]) != facialVersion {
		return nil, errors.New("version of the facial record is not supported")
	}
	if total := binary.BigEndian.Uint32(r[8:]); uint64(total) > uint64(len(r)) {
		return nil, errors.New("facial record is cut short")
	}
	if binary.BigEndian.Uint16(r[12:]) == 0 {
		return nil, errors.New("facial record holds no image")
	}
	r = r[facialHeader:]
	length := uint64(binary.BigEndian.Uint32(r))
	start := uint64(facialInfo) + uint64(binary.BigEndian.Uint16(r[4:]))*featurePoint + imageInfo
	if length > uint64(len(r)) || start >= length {
		return nil, errors.New("image of the facial record is cut short")
	}
	return r[start:length:length], nil
}

// imageType tells JPEG and JPEG 2000 (file or codestream) by their signatures.
func imageType(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xD8, 0xFF}):
		return "image/jpeg"
	case bytes.HasPrefix(b, []byte("\x00\x00\x00\x0CjP  \r\n\x87\n")), bytes.HasPrefix(b, []byte{0xFF, 0x4F, 0xFF, 0x51}):
		return "image/jp2"
	}
	return ""
}
