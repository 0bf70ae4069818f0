package imagefile

import (
	"encoding/binary"
	"io"

	"github.com/enrold/enrold/match/face"
)

type reader = io.Reader

// checkPNG refuses animated pictures: an acTL chunk before the first IDAT.
func checkPNG(data []byte) error {
	for rest := data[8:]; len(rest) >= 12; {
		size, kind := uint64(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		switch {
		case kind == "acTL":
			return errAnimated
		case kind == "IDAT":
			return nil
		case size+12 > uint64(len(rest)):
			return errFormat
		}
		rest = rest[size+12:]
	}
	return errFormat
}

// checkGIF refuses pictures of more than one frame (GIF89a, appendix B): it
// walks over the blocks without decoding them.
func checkGIF(data []byte) error {
	if len(data) < 13 {
		return errFormat
	}
	at := 13 + colourTable(data[10])
	for frames := 0; at < len(data); {
		switch data[at] {
		case 0x3b: // trailer
			return nil
		case 0x21: // extension: label, then sub-blocks
			at = subBlocks(data, at+2)
		case 0x2c: // image descriptor
			if frames++; frames > 1 {
				return errAnimated
			}
			if at+10 > len(data) {
				return errFormat
			}
			at = subBlocks(data, at+10+colourTable(data[at+9])+1)
		default:
			return errFormat
		}
	}
	return nil // without a trailer: the decoder knows
}

// colourTable is the length in bytes of the table that packed flags announce.
func colourTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// subBlocks is where the chain of sub-blocks from at ends.
func subBlocks(data []byte, at int) int {
	for at < len(data) && data[at] != 0 {
		at += 1 + int(data[at])
	}
	return at + 1
}

// checkWebP refuses animation, and bounds each bitstream by its own header,
// which the file's header need not agree with (RFC 9649 §2.5 to §2.7).
func checkWebP(data []byte) error {
	for rest := data[12:]; len(rest) >= 8; {
		size, kind := uint64(binary.LittleEndian.Uint32(rest[4:])), string(rest[:4])
		body := rest[8:]
		switch kind {
		case "ANIM", "ANMF":
			return errAnimated
		case "VP8 ":
			if len(body) < 10 {
				return errFormat
			}
			w, h := binary.LittleEndian.Uint16(body[6:])&0x3fff, binary.LittleEndian.Uint16(body[8:])&0x3fff
			if err := face.CheckSize(int(w), int(h)); err != nil {
				return err
			}
		case "VP8L":
			if len(body) < 5 {
				return errFormat
			}
			bits := binary.LittleEndian.Uint32(body[1:])
			if err := face.CheckSize(int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1); err != nil {
				return err
			}
		}
		size += size & 1
		if size > uint64(len(body)) {
			return nil // the decoder finds out what is missing
		}
		rest = body[size:]
	}
	return nil
}
