package lds

import (
	"errors"

	"github.com/enrold/enrold/reader/tlv"
)

// Tags on the way to an image in a face image data block of ISO/IEC 39794-5:2019
// annex A, all by automatic tagging: [APPLICATION 5] { [0] version, [1]
// representations { SEQUENCE { [0] id, [1] image representation { [0] base { [0]
// two-dimensional { [0] data, [1] information, … }}}, … }}}.
const (
	tagBiometricBlock  = 0xA1 // Doc 9303-10 §4.7.2.2: the block inside 7F2E
	tagFaceBlock       = 0x65
	tagRepresentations = 0xA1
	tagImage           = 0xA1
	tagBase            = 0xA0
	tagTwoDimensional  = 0xA0
	tagData            = 0x80
	tagConstructedData = 0xA0 // an octet string in pieces, which BER allows
)

// faceBlocks returns the two-dimensional images of a face image data block.
// Everything else in it, much of it optional, is passed over.
func faceBlocks(record []byte) ([][]byte, error) {
	if inner, err := tlv.Find(record, tagBiometricBlock); err == nil {
		record = inner
	}
	face, err := tlv.Find(record, tagFaceBlock)
	if err != nil {
		return nil, errors.New("biometric data block is no facial record")
	}
	content, err := tlv.Find(face, tagRepresentations)
	if err != nil {
		return nil, err
	}
	representations, err := tlv.List(content)
	if err != nil {
		return nil, err
	}
	var list [][]byte
	for _, r := range representations {
		data, ok := twoDimensional(r.Value)
		if !ok {
			continue // a shape in three dimensions
		}
		if list = append(list, data); len(list) > maxBlocks {
			return nil, errors.New("too many face images")
		}
	}
	return list, nil
}

func twoDimensional(representation []byte) ([]byte, bool) {
	b := representation
	for _, tag := range []uint32{tagImage, tagBase, tagTwoDimensional} {
		var err error
		if b, err = tlv.Find(b, tag); err != nil {
			return nil, false
		}
	}
	if data, err := tlv.Find(b, tagData); err == nil {
		return data, true
	}
	pieces, err := tlv.Find(b, tagConstructedData)
	if err != nil {
		return nil, false
	}
	objects, err := tlv.List(pieces)
	if err != nil {
		return nil, false
	}
	var data []byte
	for _, o := range objects {
		if o.Tag != 0x04 {
			return nil, false
		}
		data = append(data, o.Value...)
	}
	return data, len(data) > 0
}
