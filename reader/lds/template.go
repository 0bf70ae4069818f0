package lds

import (
	"errors"

	"github.com/enrold/enrold/reader/tlv"
)

// block is one biometric information template: who made its record, and the record.
type block struct {
	format uint16 // CBEFF format type, 0 if the header does not say
	record []byte // content of 5F2E, or of the constructed 7F2E
}

// maxBlocks bounds templates and images of a file: a document has one portrait,
// rarely two, and two fingers.
const maxBlocks = 16

// blocks takes the records out of a biometric information group template
// (Doc 9303-10 §4.7.2; ISO/IEC 7816-11 table 2): 7F61 { 02 count, 7F60 { A1
// header, 5F2E or 7F2E record } … }. The count is not believed. A group without a
// template is valid: it holds nobody's data (§4.7.3.1).
func blocks(content []byte) ([]block, error) {
	group, err := tlv.Find(content, 0x7F61)
	if err != nil {
		return nil, err
	}
	objects, err := tlv.List(group)
	if err != nil {
		return nil, err
	}
	var out []block
	for _, o := range objects {
		if o.Tag != 0x7F60 {
			continue
		}
		if len(out) == maxBlocks {
			return nil, errors.New("too many biometric templates")
		}
		b, err := blockOf(o.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func blockOf(template []byte) (block, error) {
	var b block
	objects, err := tlv.List(template)
	if err != nil {
		return block{}, err
	}
	for _, o := range objects {
		switch o.Tag {
		case 0xA1:
			if f, err := tlv.Find(o.Value, 0x88); err == nil && len(f) == 2 {
				b.format = uint16(f[0])<<8 | uint16(f[1])
			}
		case 0x5F2E:
			b.record = o.Value
		case 0x7F2E:
			// A constructed block may hold the record in an object of its own.
			b.record = o.Value
			if inner, _, err := tlv.Next(o.Value); err == nil && inner.Tag == 0x5F2E {
				b.record = inner.Value
			}
		}
	}
	if b.record == nil {
		return block{}, errors.New("biometric data block is missing")
	}
	return b, nil
}
