package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"github.com/enrold/enrold/match/face"
)

// Bounds of what is decoded. OpenJPEG has a word of four bytes a sample twice
// over, a record of some 100 bytes a code-block and a precinct, and looks at
// every packet: so all of them are counted before.
const (
	maxPixels  = 4 << 20 // decoded in colour, with the smallest code-blocks and precincts: 116 MB, 1 s
	maxTiles   = 256
	leastBlock = 8       // code-block's area: 2^8, 16x16 (annex A.6.1; customary are 32x32 and 64x64)
	maxPackets = 1 << 17 // layers x components x precincts of all resolutions of all tiles
	maxLevels  = 32
	wholeSide  = 15 // exponent of a precinct that is not said: 2^15
)

// Markers (annex A.2).
const (
	markSIZ = 0xff51
	markCOD = 0xff52
	markCOC = 0xff53
	markPOC = 0xff5f
	markSOT = 0xff90
	markSOD = 0xff93
	markEOC = 0xffd9
)

var errStream = errors.New("malformed codestream")

// size is what the SIZ segment says (table A.9).
type size struct {
	width, height int64
	tiles         int64
	tileSide      int64 // the longer one, at most that of the image
	components    int64
}

// check bounds a codestream by its headers, those of the tile-parts too, and
// returns the size of its image.
func check(stream []byte) (image.Point, error) {
	if !bytes.HasPrefix(stream, start) {
		return image.Point{}, errors.New("codestream does not begin with its size")
	}
	var s size
	for rest := stream[2:]; ; {
		mark, segment, after, err := segment(rest)
		if err != nil {
			return image.Point{}, err
		}
		switch mark {
		case markSIZ:
			s, err = readSize(segment)
		case markSOT:
			if s.width == 0 {
				return image.Point{}, errStream
			}
			if after, err = s.tilePart(rest); after == nil && err == nil {
				return image.Pt(int(s.width), int(s.height)), nil
			}
		case markEOC:
			return image.Pt(int(s.width), int(s.height)), nil
		default:
			err = s.coding(mark, segment)
		}
		if err != nil {
			return image.Point{}, err
		}
		if rest = after; len(rest) == 0 { // the library decides whether too much is missing
			return image.Pt(int(s.width), int(s.height)), nil
		}
	}
}

// segment splits the marker segment that rest begins with: its marker, what
// follows its length, and what comes after.
func segment(rest []byte) (mark uint16, content, after []byte, err error) {
	if len(rest) < 2 {
		return 0, nil, nil, errStream
	}
	mark = binary.BigEndian.Uint16(rest)
	if mark == markEOC || mark == markSOD {
		return mark, nil, rest[2:], nil
	}
	if mark < 0xff4f || len(rest) < 4 {
		return 0, nil, nil, errStream
	}
	n := int(binary.BigEndian.Uint16(rest[2:]))
	if n < 2 || n > len(rest)-2 {
		return 0, nil, nil, errStream
	}
	return mark, rest[4 : 2+n], rest[2+n:], nil
}

// readSize: Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, XTsiz, YTsiz, XTOsiz, YTOsiz, Csiz and
// for each component its depth and steps.
func readSize(b []byte) (size, error) {
	if len(b) < 36 {
		return size{}, errStream
	}
	long := func(i int) int64 { return int64(binary.BigEndian.Uint32(b[i:])) }
	right, bottom, left, top := long(2), long(6), long(10), long(14)
	tileWidth, tileHeight, tileLeft, tileTop := long(18), long(22), long(26), long(30)
	s := size{width: right - left, height: bottom - top, components: int64(binary.BigEndian.Uint16(b[34:]))}
	if s.width < 1 || s.height < 1 || s.width > face.MaxImageSide || s.height > face.MaxImageSide || s.width*s.height > maxPixels {
		return size{}, errors.New("image size is out of bounds")
	}
	if err := face.CheckSize(int(s.width), int(s.height)); err != nil {
		return size{}, err
	}
	// Equations B-3 to B-5: the first tile covers the image's corner.
	if tileLeft > left || tileTop > top || tileLeft+tileWidth <= left || tileTop+tileHeight <= top {
		return size{}, errStream
	}
	s.tiles = (right - tileLeft + tileWidth - 1) / tileWidth * ((bottom - tileTop + tileHeight - 1) / tileHeight)
	if s.tiles > maxTiles {
		return size{}, errors.New("too many tiles")
	}
	s.tileSide = max(min(tileWidth, s.width), min(tileHeight, s.height))
	if s.components != 1 && s.components != 3 {
		return size{}, fmt.Errorf("%d components: want 1 or 3", s.components)
	}
	return s, nil
}

// tilePart checks the headers of the tile-part that rest begins with (annex
// A.4.2) and returns what comes after; nil where it goes on to the end.
func (s size) tilePart(rest []byte) ([]byte, error) {
	_, head, inside, err := segment(rest)
	if err != nil || len(head) != 8 {
		return nil, errStream
	}
	length := int(binary.BigEndian.Uint32(head[2:])) // from the marker on; 0 to the end
	if length != 0 && length < 14 {
		return nil, errStream
	}
	for {
		mark, content, after, err := segment(inside)
		if err != nil {
			return nil, err
		}
		if mark == markSOD {
			break
		}
		if err := s.coding(mark, content); err != nil {
			return nil, err
		}
		inside = after
	}
	if length == 0 || length >= len(rest) {
		return nil, nil
	}
	return rest[length:], nil
}

// coding bounds what a coding style segment asks for (annexes A.6.1 and A.6.2).
func (s size) coding(mark uint16, b []byte) error {
	switch mark {
	case markPOC:
		return errors.New("changes of the progression order are not read")
	case markSIZ:
		return errStream
	case markCOD:
		if len(b) < 10 {
			return errStream
		}
		return s.style(b[0], int64(binary.BigEndian.Uint16(b[2:])), b[5:])
	case markCOC:
		if len(b) < 7 { // fewer than 257 components: one byte names one
			return errStream
		}
		return s.style(b[1], 1, b[2:])
	}
	return nil
}

// style takes decomposition levels, code-block's width and height (less 2),
// style, wavelet and precincts (table A.15).
func (s size) style(flags byte, layers int64, b []byte) error {
	levels := int(b[0])
	if levels > maxLevels {
		return errStream
	}
	if block := int(b[1]&15) + int(b[2]&15) + 4; block < leastBlock {
		return errors.New("code-blocks are too small")
	}
	precincts := b[5:]
	if flags&1 == 0 {
		precincts = nil
	} else if len(precincts) < levels+1 {
		return errStream
	}
	var each int64 // precincts of a component of a tile, at most (equation B-16)
	for r := range levels + 1 {
		x, y := wholeSide, wholeSide
		if precincts != nil {
			x, y = int(precincts[r]&15), int(precincts[r]>>4)
		}
		side := s.tileSide>>(levels-r) + 1
		each += (side>>x + 2) * (side>>y + 2)
	}
	if layers < 1 || layers*s.components*each*s.tiles > maxPackets {
		return errors.New("too many packets")
	}
	return nil
}
