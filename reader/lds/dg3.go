package lds

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/enrold/enrold/internal/eid"
)

// Finger is one impression of a finger image record.
type Finger struct {
	Position    eid.FingerPosition // 0: unknown
	Quality     int                // 0 to 100; 254 when the record does not say
	Impression  int                // ISO/IEC 19794-4 table 7
	Compression FingerCompression
	Width       int // pixels
	Height      int
	DPI         int // 0 if not stated
	Data        []byte
}

// FingerCompression is the code of ISO/IEC 19794-4:2005 table 4.
type FingerCompression int

const (
	FingerRaw      FingerCompression = 0
	FingerPacked   FingerCompression = 1
	FingerWSQ      FingerCompression = 2
	FingerJPEG     FingerCompression = 3
	FingerJPEG2000 FingerCompression = 4
	FingerPNG      FingerCompression = 5
)

// ParseDG3 takes the finger images out of DG3 (Doc 9303-10 §4.7.3): biometric
// templates around finger image records of ISO/IEC 19794-4:2005. A file without
// fingers, which states must issue for holders who have none, gives an empty list.
func ParseDG3(file []byte) ([]Finger, error) {
	content, err := body(file, 3)
	if err != nil {
		return nil, err
	}
	templates, err := blocks(content)
	if err != nil {
		return nil, fmt.Errorf("DG3: %w", err)
	}
	var list []Finger
	for _, b := range templates {
		more, err := fingerImages(b.record)
		if err != nil {
			return nil, fmt.Errorf("DG3: %w", err)
		}
		if list = append(list, more...); len(list) > maxBlocks {
			return nil, errors.New("DG3: too many finger images")
		}
	}
	return list, nil
}

// Sizes of ISO/IEC 19794-4:2005 §7.
const (
	fingerMagic   = "FIR\x00"
	fingerVersion = "010\x00"
	fingerHeader  = 32
	fingerInfo    = 14
)

func fingerImages(r []byte) ([]Finger, error) {
	be := binary.BigEndian
	if len(r) < fingerHeader {
		return nil, fmt.Errorf("finger record is %w", errCut)
	}
	if string(r[:4]) != fingerMagic || string(r[4:8]) != fingerVersion {
		return nil, errors.New("biometric data block is no finger record of version 010")
	}
	if total := uint64(be.Uint16(r[8:]))<<32 | uint64(be.Uint32(r[10:])); total > uint64(len(r)) {
		return nil, fmt.Errorf("finger record is %w", errCut)
	}
	count := int(r[18])
	common := Finger{Compression: FingerCompression(r[29])}
	common.DPI = dpi(int(be.Uint16(r[24:])), r[19])
	if common.Compression > FingerPNG {
		return nil, errors.New("compression of the finger record is unknown")
	}
	r = r[fingerHeader:]
	var list []Finger
	for range min(count, maxBlocks) {
		if len(r) < fingerInfo {
			return nil, fmt.Errorf("image of the finger record is %w", errCut)
		}
		length := uint64(be.Uint32(r))
		if length < fingerInfo || length > uint64(len(r)) {
			return nil, fmt.Errorf("image of the finger record is %w", errCut)
		}
		f := common
		if r[4] <= byte(eid.LeftLittle) {
			f.Position = eid.FingerPosition(r[4])
		}
		f.Quality, f.Impression = int(r[7]), int(r[8])
		f.Width, f.Height = int(be.Uint16(r[9:])), int(be.Uint16(r[11:]))
		f.Data = r[fingerInfo:length:length]
		if f.Width > maxSide || f.Height > maxSide || f.Width*f.Height > maxPixels {
			return nil, errors.New("image of the finger record is too large")
		}
		if f.Compression == FingerRaw && len(f.Data) < f.Width*f.Height {
			return nil, fmt.Errorf("image of the finger record is %w", errCut)
		}
		list = append(list, f)
		r = r[length:]
	}
	return list, nil
}

// dpi turns a resolution into pixels an inch; units is 1 for inches, 2 for centimetres.
func dpi(resolution int, units byte) int {
	if units == 2 {
		return (resolution*254 + 50) / 100
	}
	return resolution
}
