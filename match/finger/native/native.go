// Package native is the engine's own template file. Unlike the interchange
// records of package format it keeps the enhanced ridges, so that a template
// read back scores as the one extracted.
//
// The file is, big-endian:
//
//	"EFT1", width, height (2 bytes each), number of minutiae (1)
//	each minutia: x, y (2 each, signed), angle, kind, quality (1 each)
//	ridge columns, rows (2 each; 0, 0 without ridges)
//	tiles (8 each), then a bit a tile that is finger, first tile lowest
//	CRC-32C of all before (4)
//
// A later version of the engine that stores something else gets another magic.
package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/enrold/enrold/match/finger"
)

// ErrFormat means that data is no such file, or a damaged one.
var ErrFormat = errors.New("malformed template file")

const (
	magic        = "EFT1"
	headSize     = len(magic) + 5
	minutiaSize  = 7
	maxTileCount = (finger.MaxSide / 8) * (finger.MaxSide / 8)
)

var table = crc32.MakeTable(crc32.Castagnoli)

// Is reports whether data begins as such a file.
func Is(data []byte) bool { return len(data) >= len(magic) && string(data[:len(magic)]) == magic }

// Write returns the template's file. The error wraps ErrFormat: a value that
// the file has no room for.
func Write(t *finger.Template) ([]byte, error) {
	if t.Width < 0 || t.Width > math.MaxUint16 || t.Height < 0 || t.Height > math.MaxUint16 || len(t.Minutiae) > math.MaxUint8 {
		return nil, fmt.Errorf("write template: %w: %dx%d with %d minutiae", ErrFormat, t.Width, t.Height, len(t.Minutiae))
	}
	b := append([]byte(nil), magic...)
	u16 := func(v int) { b = binary.BigEndian.AppendUint16(b, uint16(v)) }
	u16(t.Width)
	u16(t.Height)
	b = append(b, byte(len(t.Minutiae)))
	for _, m := range t.Minutiae {
		if m.X != int(int16(m.X)) || m.Y != int(int16(m.Y)) {
			return nil, fmt.Errorf("write template: %w: a minutia lies outside", ErrFormat)
		}
		u16(m.X)
		u16(m.Y)
		b = append(b, m.Angle, byte(m.Kind), m.Quality)
	}
	var r finger.Ridges
	if t.Ridges != nil {
		r = *t.Ridges
	}
	if n := r.Columns * r.Rows; r.Columns < 0 || r.Rows < 0 || n > maxTileCount || len(r.Tiles) != n || len(r.Finger) != n {
		return nil, fmt.Errorf("write template: %w: %dx%d ridge tiles", ErrFormat, r.Columns, r.Rows)
	}
	u16(r.Columns)
	u16(r.Rows)
	for _, tile := range r.Tiles {
		b = binary.BigEndian.AppendUint64(b, tile)
	}
	bits := make([]byte, (len(r.Finger)+7)/8)
	for i, on := range r.Finger {
		if on {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	b = append(b, bits...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, table)), nil
}

// Read returns the template of a file that Write made. The error wraps ErrFormat.
func Read(data []byte) (*finger.Template, error) {
	if !Is(data) || len(data) < headSize+4+4 {
		return nil, fmt.Errorf("read template: %w: no head", ErrFormat)
	}
	body, sum := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, table) != sum {
		return nil, fmt.Errorf("read template: %w: checksum", ErrFormat)
	}
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(body[at:])) }
	t := &finger.Template{Width: u16(4), Height: u16(6)}
	n := int(body[8])
	at := headSize
	if len(body) < at+n*minutiaSize+4 {
		return nil, fmt.Errorf("read template: %w: %d minutiae in %d bytes", ErrFormat, n, len(data))
	}
	for range n {
		t.Minutiae = append(t.Minutiae, finger.Minutia{
			X: int(int16(u16(at))), Y: int(int16(u16(at + 2))),
			Angle: body[at+4], Kind: finger.Kind(body[at+5]), Quality: body[at+6],
		})
		at += minutiaSize
	}
	columns, rows := u16(at), u16(at+2)
	at += 4
	tiles := columns * rows
	if tiles > maxTileCount || len(body) != at+8*tiles+(tiles+7)/8 {
		return nil, fmt.Errorf("read template: %w: %dx%d ridge tiles in %d bytes", ErrFormat, columns, rows, len(data))
	}
	if tiles == 0 {
		return t, nil
	}
	r := &finger.Ridges{Columns: columns, Rows: rows, Tiles: make([]uint64, tiles), Finger: make([]bool, tiles)}
	for i := range r.Tiles {
		r.Tiles[i] = binary.BigEndian.Uint64(body[at+8*i:])
	}
	at += 8 * tiles
	for i := range r.Finger {
		r.Finger[i] = body[at+i/8]>>(i%8)&1 == 1
	}
	t.Ridges = r
	return t, nil
}
