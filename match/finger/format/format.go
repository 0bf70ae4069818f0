// Package format reads and writes fingerprint data interchange records:
//
//   - minutiae: ISO/IEC 19794-2:2005 and :2011, ANSI/INCITS 378-2004
//   - images: ISO/IEC 19794-4:2005 and :2011
//   - both, reading only: ISO/IEC 39794-2 and 39794-4 in their ASN.1 form
//
// All minutiae formats pass through one neutral Record, all image formats
// through FingerImage. Units are converted exactly: an angle is kept in
// degrees, of which the steps of 19794-2 (1.40625°) and of 378 (2°) are exact
// binary fractions. What a format cannot hold is an error of the writer, never
// a silent change.
//
// Readers take bytes from outside: they never panic, take memory in proportion
// to the input, and their errors name the byte, never the content.
package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/enrold/enrold/internal/eid"
)

// Format of a record, by the name that the command line uses.
type Format string

// Formats that are read; all but those of 39794 are written, too.
const (
	ISO2005       Format = "iso2005"        // ISO/IEC 19794-2:2005, record format
	ISO2011       Format = "iso2011"        // ISO/IEC 19794-2:2011
	ANSI378       Format = "ansi378"        // ANSI/INCITS 378-2004
	ISO39794      Format = "iso39794"       // ISO/IEC 39794-2, read only
	ImageISO2005  Format = "image-iso2005"  // ISO/IEC 19794-4:2005
	ImageISO2011  Format = "image-iso2011"  // ISO/IEC 19794-4:2011
	ImageISO39794 Format = "image-iso39794" // ISO/IEC 39794-4, read only
)

// Errors that readers and writers wrap.
var (
	ErrFormat      = errors.New("malformed record")
	ErrUnsupported = errors.New("unsupported record")
	ErrRange       = errors.New("value out of the format's range")
)

// Bounds of a record: ten uncompressed fingers at 1000 dpi fit, and the
// minutiae of hundreds of views.
const (
	MaxBytes         = 32 << 20
	MaxMinutiaeBytes = 1 << 20
)

// Record is the minutiae of one or more views of fingers.
type Record struct {
	Views []View
}

// View is the minutiae of one impression.
type View struct {
	Position   eid.FingerPosition // 0 unknown, 1..10
	Number     int                // of the view of this finger, from 0
	Impression Impression
	Quality    int // 0 worst to 100, -1 not reported

	Width, Height              int // of the image in pixels; 0 not reported
	PixelsPerCmX, PixelsPerCmY int // spatial sampling rate; 0 not reported

	Minutiae []Minutia
}

// Minutia is one point. X runs to the right and Y downwards from the image's
// upper left corner; the angle runs counter-clockwise from the x axis.
type Minutia struct {
	X, Y    int     // pixels, 0..16383
	Angle   float64 // degrees, 0 up to (not including) 360
	Type    MinutiaType
	Quality int // 1 worst to 100, 0 not reported
}

// MinutiaType with the codes that all formats share, minutia type of ISO/IEC 19794-2.
type MinutiaType uint8

// Types of minutiae.
const (
	Other       MinutiaType = 0
	Ending      MinutiaType = 1
	Bifurcation MinutiaType = 2
)

// Impression is how the image came about, with the codes of ISO/IEC 19794-2:2011
// (impression type). The formats of 2004 and 2005 hold codes up to 15 only.
type Impression uint8

// Impression types.
const (
	LivePlain       Impression = 0
	LiveRolled      Impression = 1
	NonlivePlain    Impression = 2
	NonliveRolled   Impression = 3
	Latent          Impression = 4
	Swipe           Impression = 8
	LiveContactless Impression = 24
	OtherImpression Impression = 28
	Unknown         Impression = 29
)

// Bounds that all binary minutiae formats share.
const (
	maxMinutiae   = 255
	maxCoordinate = 1<<14 - 1
	maxQuality    = 100
)

// Detect names the format of a record by its first bytes and, where two share
// them, by its length field; "" is none.
func Detect(data []byte) Format {
	switch {
	case len(data) < 14:
		return ""
	case bytes.HasPrefix(data, []byte("FMR\x00 20\x00")):
		return detect20(data)
	case bytes.HasPrefix(data, []byte("FMR\x00030\x00")):
		return ISO2011
	case bytes.HasPrefix(data, []byte("FIR\x00010\x00")):
		return ImageISO2005
	case bytes.HasPrefix(data, []byte("FIR\x00020\x00")):
		return ImageISO2011
	case data[0] == 0x62: // [APPLICATION 2], constructed
		return ISO39794
	case data[0] == 0x64:
		return ImageISO39794
	}
	return ""
}

// detect20 tells the two formats that begin with "FMR", " 20" apart. 19794-2
// has a length of four bytes; 378 of two, or two zero bytes and then four.
func detect20(data []byte) Format {
	four := int64(binary.BigEndian.Uint32(data[8:]))
	two := binary.BigEndian.Uint16(data[8:])
	switch {
	case four == int64(len(data)):
		return ISO2005
	case two >= headerANSI378: // as four bytes: over a megabyte, which nobody writes
		return ANSI378
	case four < headerISO2005: // too short: the two zero bytes of the long form
		return ANSI378
	}
	return ISO2005
}

// Lengths of the record headers.
const (
	headerISO2005 = 24
	headerANSI378 = 26
)

// ReadMinutiae decodes a minutiae record of any known format. Extended data
// (ridge counts, cores and deltas, zonal quality) is skipped.
func ReadMinutiae(data []byte) (Record, Format, error) {
	f := Detect(data)
	read := map[Format]func(*cursor) (Record, error){
		ISO2005: readISO2005, ANSI378: readANSI378, ISO2011: readISO2011, ISO39794: read39794Minutiae,
	}[f]
	if read == nil {
		return Record{}, f, fmt.Errorf("read minutiae: %w: not a minutiae record", ErrUnsupported)
	}
	if len(data) > MaxMinutiaeBytes {
		return Record{}, f, fmt.Errorf("read minutiae: %w: %d bytes", ErrUnsupported, len(data))
	}
	r, err := read(&cursor{data: data})
	if err != nil {
		return Record{}, f, fmt.Errorf("read %s: %w", f, err)
	}
	return r, f, nil
}

// WriteMinutiae encodes r. A record that the format cannot hold gives ErrRange.
func WriteMinutiae(r Record, f Format) ([]byte, error) {
	write := map[Format]func(Record) ([]byte, error){
		ISO2005: writeISO2005, ANSI378: writeANSI378, ISO2011: writeISO2011,
	}[f]
	if write == nil {
		return nil, fmt.Errorf("write minutiae: %w: format %q is not written", ErrUnsupported, f)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("write %s: %w", f, err)
	}
	data, err := write(r)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", f, err)
	}
	return data, nil
}

// check keeps what no format can hold out of the writers.
func (r Record) check() error {
	if len(r.Views) == 0 {
		return fmt.Errorf("%w: no view", ErrRange)
	}
	for i, v := range r.Views {
		switch {
		case v.Position < 0 || v.Position > 10:
			return fmt.Errorf("%w: view %d: position %d", ErrRange, i, v.Position)
		case v.Number < 0 || v.Number > 15:
			return fmt.Errorf("%w: view %d: number %d", ErrRange, i, v.Number)
		case v.Quality < -1 || v.Quality > maxQuality:
			return fmt.Errorf("%w: view %d: quality %d", ErrRange, i, v.Quality)
		case v.Width < 1 || v.Width > maxCoordinate+1 || v.Height < 1 || v.Height > maxCoordinate+1:
			return fmt.Errorf("%w: view %d: image of %dx%d", ErrRange, i, v.Width, v.Height)
		case v.PixelsPerCmX < 1 || v.PixelsPerCmX > 0xffff || v.PixelsPerCmY < 1 || v.PixelsPerCmY > 0xffff:
			return fmt.Errorf("%w: view %d: %d x %d pixels a cm", ErrRange, i, v.PixelsPerCmX, v.PixelsPerCmY)
		case len(v.Minutiae) > maxMinutiae:
			return fmt.Errorf("%w: view %d: %d minutiae", ErrRange, i, len(v.Minutiae))
		}
		for k, m := range v.Minutiae {
			switch {
			case m.X < 0 || m.X > maxCoordinate || m.Y < 0 || m.Y > maxCoordinate:
				return fmt.Errorf("%w: view %d: minutia %d at %d,%d", ErrRange, i, k, m.X, m.Y)
			case !(m.Angle >= 0 && m.Angle < 360):
				return fmt.Errorf("%w: view %d: minutia %d has angle %g", ErrRange, i, k, m.Angle)
			case m.Type > Bifurcation || m.Quality < 0 || m.Quality > maxQuality:
				return fmt.Errorf("%w: view %d: minutia %d of type %d has quality %d", ErrRange, i, k, m.Type, m.Quality)
			}
		}
	}
	return nil
}
