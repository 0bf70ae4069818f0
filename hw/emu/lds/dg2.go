package lds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/jpeg"

	"github.com/enrold/enrold/hw/emu/lds/ber"
)

// dg2 wraps one JPEG portrait, as it is, into EF.DG2: the biometric information
// group of Doc 9303-10 §4.7.2 around a facial record of ISO/IEC 19794-5:2005.
func dg2(portrait []byte, sex string) ([]byte, error) {
	record, err := facialRecord(portrait, sex)
	if err != nil {
		return nil, err
	}
	header := ber.TLV(0xA1, // biometric header template
		ber.TLV(0x80, []byte{0x01, 0x01}), // ICAO header version 1.1
		ber.TLV(0x81, []byte{0x02}),       // biometric type: facial features
		ber.TLV(0x82, []byte{0x00}),       // subtype: no information
		ber.TLV(0x87, []byte{0x01, 0x01}), // format owner: ISO/IEC JTC 1/SC 37
		ber.TLV(0x88, []byte{0x00, 0x08}), // format type: facial record
	)
	return ber.TLV(0x75,
		ber.TLV(0x7F61, ber.TLV(0x02, []byte{1}), ber.TLV(0x7F60, header, ber.TLV(0x5F2E, record))),
	), nil
}

// facialRecord is ISO/IEC 19794-5:2005 §5: record header (14 bytes), facial
// information (20), no feature points, image information (12), image.
func facialRecord(portrait []byte, sex string) ([]byte, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(portrait))
	if err != nil {
		return nil, fmt.Errorf("read portrait: %w", err)
	}
	if c.Width > 0xFFFF || c.Height > 0xFFFF {
		return nil, fmt.Errorf("read portrait: %dx%d is too large for a facial record", c.Width, c.Height)
	}
	be := binary.BigEndian
	block := uint32(20 + 12 + len(portrait))
	b := append([]byte("FAC\x00010\x00"), be.AppendUint32(nil, 14+block)...)
	b = be.AppendUint16(b, 1) // facial images

	b = be.AppendUint32(b, block)
	b = be.AppendUint16(b, 0)                                 // feature points
	b = append(b, map[string]byte{"M": 1, "F": 2}[sex], 0, 0) // gender, eye and hair colour unspecified
	b = append(b, 0, 0, 0, 0, 0)                              // property mask, expression
	b = append(b, 0, 0, 0, 0, 0, 0)                           // pose angles and their uncertainty
	b = append(b, 0x01, 0x00)                                 // full frontal, JPEG
	b = be.AppendUint16(b, uint16(c.Width))
	b = be.AppendUint16(b, uint16(c.Height))
	b = append(b, 0x01, 0x02) // 24 bit RGB, static photograph from a digital camera
	b = append(b, 0, 0, 0, 0) // device type, quality: unspecified
	return append(b, portrait...), nil
}

// maxPadding keeps DG2 within the sizes that its lengths are written for.
const maxPadding = 1 << 20

// padJPEG adds n bytes of comment segments after the start of image: the
// picture stays what it is (ISO/IEC 10918-1 §B.2.4.5).
func padJPEG(portrait []byte, n int) ([]byte, error) {
	if n == 0 {
		return portrait, nil
	}
	if !bytes.HasPrefix(portrait, []byte{0xFF, 0xD8}) {
		return nil, errors.New("pad portrait: not a JPEG")
	}
	out := bytes.Clone(portrait[:2])
	for n > 0 {
		segment := min(max(n, 4), 0xFFFF) // marker and length take four bytes
		if rest := n - segment; rest > 0 && rest < 4 {
			segment -= 4
		}
		out = append(out, 0xFF, 0xFE)
		out = binary.BigEndian.AppendUint16(out, uint16(segment-2))
		out = append(out, make([]byte, segment-4)...)
		n -= segment
	}
	return append(out, portrait[2:]...), nil
}
