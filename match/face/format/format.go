// Package format reads and writes face image records of ISO/IEC 19794-5:2005,
// the record inside EF.DG2 of a travel document (Doc 9303-10 §4.7.2).
//
// Readers take bytes from outside: they never panic, their images alias the
// record, and their errors name the field, never the content.
package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Name is the format and its edition, as requests and manifests name it.
const Name = "iso19794-5:2005"

// Sizes and constants of ISO/IEC 19794-5:2005 §5.
const (
	magic         = "FAC\x00"
	version       = "010\x00"
	recordHeader  = 14 // magic, version, length of record, number of images
	facialInfo    = 20 // length of the image's block, feature points, eyes, hair, pose, …
	featurePoint  = 8
	imageInfo     = 12 // type, encoding, size, colour space, source, device, quality
	dataJPEG      = 0  // image data type, table 14
	dataJPEG2000  = 1
	typeBasic     = 0 // face image type: nothing is claimed of pose and frame
	colourRGB     = 1
	sourceVideo   = 6 // one frame of a digital video camera
	maxImages     = 16
	maxSide       = 1<<16 - 1
	maxImageBytes = 16 << 20
)

// MaxBytes bounds a record.
const MaxBytes = 32 << 20

// ErrFormat is wrapped by errors of Read.
var ErrFormat = errors.New("malformed face record")

// Image is one face image of a record: a whole JPEG or JPEG 2000 file.
type Image struct {
	Data          []byte
	Width, Height int // pixels, as the record says
}

// jp2 is the signature box of a JPEG 2000 file, stream the start of its bare
// codestream (ISO/IEC 15444-1 annexes I.5.1 and A.4).
var (
	jpeg   = []byte{0xff, 0xd8, 0xff}
	jp2    = []byte("\x00\x00\x00\x0cjP  \r\n\x87\n")
	stream = []byte{0xff, 0x4f, 0xff, 0x51}
)

func dataType(data []byte) (byte, bool) {
	switch {
	case bytes.HasPrefix(data, jpeg):
		return dataJPEG, true
	case bytes.HasPrefix(data, jp2), bytes.HasPrefix(data, stream):
		return dataJPEG2000, true
	}
	return 0, false
}

// Write encodes images as one record. An image that is neither JPEG nor JPEG
// 2000, or of a size that the record cannot hold, is an error.
func Write(images ...Image) ([]byte, error) {
	const op = "write face record"
	if len(images) == 0 || len(images) > maxImages {
		return nil, fmt.Errorf("%s: %d images, want 1 to %d", op, len(images), maxImages)
	}
	be := binary.BigEndian
	out := append([]byte(magic+version), 0, 0, 0, 0) // the length follows
	out = be.AppendUint16(out, uint16(len(images)))
	for i, img := range images {
		kind, ok := dataType(img.Data)
		if !ok {
			return nil, fmt.Errorf("%s: image %d is neither JPEG nor JPEG 2000", op, i+1)
		}
		if img.Width < 1 || img.Height < 1 || img.Width > maxSide || img.Height > maxSide || len(img.Data) > maxImageBytes {
			return nil, fmt.Errorf("%s: image %d of %dx%d in %d bytes does not fit", op, i+1, img.Width, img.Height, len(img.Data))
		}
		out = be.AppendUint32(out, uint32(facialInfo+imageInfo+len(img.Data)))
		out = be.AppendUint16(out, 0)          // feature points
		out = append(out, make([]byte, 14)...) // sex, eyes, hair, properties, expression, pose: unspecified
		out = append(out, typeBasic, kind)
		out = be.AppendUint16(out, uint16(img.Width))
		out = be.AppendUint16(out, uint16(img.Height))
		out = append(out, colourRGB, sourceVideo)
		out = append(out, 0, 0, 0, 0) // device type and quality: unspecified
		out = append(out, img.Data...)
	}
	if len(out) > MaxBytes {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", op, len(out), MaxBytes)
	}
	be.PutUint32(out[8:], uint32(len(out)))
	return out, nil
}

// Read decodes a record that is exactly one, with JPEG or JPEG 2000 images. The
// images alias record. Errors wrap ErrFormat.
func Read(record []byte) ([]Image, error) {
	bad := func(what string) ([]Image, error) {
		return nil, fmt.Errorf("read face record: %w: %s", ErrFormat, what)
	}
	if len(record) < recordHeader || len(record) > MaxBytes || string(record[:8]) != magic+version {
		return bad("no header of this edition")
	}
	be := binary.BigEndian
	if int64(be.Uint32(record[8:])) != int64(len(record)) {
		return bad("length")
	}
	count := int(be.Uint16(record[12:]))
	if count == 0 || count > maxImages {
		return bad("number of images")
	}
	rest := record[recordHeader:]
	images := make([]Image, 0, count)
	for range count {
		if len(rest) < facialInfo {
			return bad("image is cut")
		}
		length := int64(be.Uint32(rest))
		start := int64(facialInfo) + int64(be.Uint16(rest[4:]))*featurePoint + imageInfo
		if length > int64(len(rest)) || start >= length {
			return bad("length of an image")
		}
		info, data := rest[start-imageInfo:start], rest[start:length:length]
		if kind, ok := dataType(data); !ok || kind != info[1] {
			return bad("image data are not what the record says")
		}
		images = append(images, Image{Data: data, Width: int(be.Uint16(info[2:])), Height: int(be.Uint16(info[4:]))})
		rest = rest[length:]
	}
	if len(rest) > 0 {
		return bad("bytes after the last image")
	}
	return images, nil
}
