package lds

import (
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/tlv"
)

// ParseDG2 takes the face images out of DG2, in the file's order: biometric
// templates (Doc 9303-10 §4.7.2) around facial records of ISO/IEC 19794-5:2005
// or face image data blocks of ISO/IEC 39794-5:2019 (§4.7.2.2). At least one
// image is returned; its own signature decides its type, since a record's type
// byte is known to be wrong in the field.
func ParseDG2(file []byte) ([]Image, error) {
	list, err := parseDG2(file)
	if err != nil {
		return nil, fmt.Errorf("DG2: %w", err)
	}
	return list, nil
}

func parseDG2(file []byte) ([]Image, error) {
	if len(file) > maxFile {
		return nil, errors.New("file is too large")
	}
	content, err := tlv.Find(file, uint32(GroupTag(2)))
	if err != nil {
		content = file // an emulated card in the field leaves the outer tag away
	}
	templates, err := blocks(content)
	if err != nil {
		return nil, err
	}
	var raw [][]byte
	for _, b := range templates {
		more, err := faces(b.record)
		if err != nil {
			return nil, err
		}
		if raw = append(raw, more...); len(raw) > maxBlocks {
			return nil, errors.New("too many face images")
		}
	}
	if len(raw) == 0 {
		return nil, errors.New("file holds no face image")
	}
	list := make([]Image, len(raw))
	for i, data := range raw {
		if list[i], err = imageOf(data); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// faces tells the two encodings by how they begin: a facial record of 2005 by
// its magic, the other by the tags of ASN.1.
func faces(record []byte) ([][]byte, error) {
	if len(record) >= 4 && string(record[:4]) == facialMagic {
		return facialImages(record)
	}
	return faceBlocks(record)
}
