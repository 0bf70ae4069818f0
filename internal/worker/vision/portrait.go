package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"gocv.io/x/gocv"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

var (
	jpegMagic = []byte{0xff, 0xd8, 0xff}
	jp2Magic  = []byte("\x00\x00\x00\x0cjP  \r\n\x87\n") // ISO/IEC 15444-1 annex I.5.1
	sizMarker = []byte{0xff, 0x4f, 0xff, 0x51}           // SOC and SIZ, annex A.4.1 and A.5.1
)

// decodePortrait decodes the image of a chip's DG2: JPEG, or JPEG 2000 as file
// or bare codestream (Doc 9303-10 §4.7.2). Anything else, or a damaged image,
// is eid.CodeInput.
func decodePortrait(data []byte) (image.Image, error) {
	switch {
	case bytes.HasPrefix(data, jpegMagic):
		return face.DecodeJPEG(data)
	case bytes.HasPrefix(data, jp2Magic), bytes.HasPrefix(data, sizMarker):
		img, err := decodeJPEG2000(data)
		if err != nil {
			return nil, eid.Fail(eid.CodeInput, "decode jpeg 2000", err)
		}
		return img, nil
	}
	return nil, eid.Fail(eid.CodeInput, "decode image", errors.New("neither JPEG nor JPEG 2000"))
}

// decodeJPEG2000 bounds the image by its own header and hands it to OpenCV,
// which answers a damaged one with an empty matrix.
func decodeJPEG2000(data []byte) (image.Image, error) {
	if len(data) > face.MaxImageBytes {
		return nil, fmt.Errorf("%d bytes are over the limit of %d", len(data), face.MaxImageBytes)
	}
	stream, err := codestream(data)
	if err != nil {
		return nil, err
	}
	if err := checkSIZ(stream); err != nil {
		return nil, err
	}
	m, err := gocv.IMDecode(data, gocv.IMReadColor)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if m.Empty() || m.Type() != gocv.MatTypeCV8UC3 {
		return nil, errors.New("damaged image")
	}
	if err := face.CheckSize(m.Cols(), m.Rows()); err != nil {
		return nil, err
	}
	return fromBGR(m.ToBytes(), m.Cols(), m.Rows()), nil
}

// codestream finds the first contiguous codestream box of a JP2 file
// (ISO/IEC 15444-1 annex I.4); bare codestreams are returned as they are.
func codestream(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, sizMarker) {
		return data, nil
	}
	for len(data) >= 8 {
		size, kind, head := uint64(binary.BigEndian.Uint32(data)), string(data[4:8]), uint64(8)
		switch size {
		case 0: // to the end of the file
			size = uint64(len(data))
		case 1: // a 64-bit length follows
			if len(data) < 16 {
				return nil, errors.New("short box")
			}
			size, head = binary.BigEndian.Uint64(data[8:]), 16
		}
		if size < head || size > uint64(len(data)) {
			return nil, errors.New("box length is out of bounds")
		}
		if kind == "jp2c" {
			return data[head:size], nil
		}
		data = data[size:]
	}
	return nil, errors.New("no codestream")
}

// checkSIZ bounds the image and its tiles as the SIZ segment, which comes first
// in a codestream, gives them: Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, XTsiz,
// YTsiz, XTOsiz, YTOsiz, Csiz (ISO/IEC 15444-1 table A.9).
func checkSIZ(stream []byte) error {
	if !bytes.HasPrefix(stream, sizMarker) {
		return errors.New("codestream does not begin with its size")
	}
	siz := stream[len(sizMarker):]
	if len(siz) < 38 {
		return errors.New("short codestream")
	}
	long := func(i int) int64 { return int64(binary.BigEndian.Uint32(siz[i:])) }
	width, height := long(4)-long(12), long(8)-long(16)
	if width < 1 || height < 1 || width > face.MaxImageSide || height > face.MaxImageSide {
		return errors.New("image size is out of bounds")
	}
	if err := face.CheckSize(int(width), int(height)); err != nil {
		return err
	}
	tileWidth, tileHeight := long(20), long(24)
	if tileWidth < 1 || tileHeight < 1 || (width/tileWidth+1)*(height/tileHeight+1) > 256 {
		return errors.New("too many tiles")
	}
	if c := binary.BigEndian.Uint16(siz[36:]); c != 1 && c != 3 {
		return fmt.Errorf("%d components: want 1 or 3", c)
	}
	return nil
}

// fromBGR makes an image of blue-green-red bytes, width*height*3 of them.
func fromBGR(bgr []byte, width, height int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		p, q := bgr[3*i:3*i+3:3*i+3], img.Pix[4*i:4*i+4:4*i+4]
		q[0], q[1], q[2], q[3] = p[2], p[1], p[0], 255
	}
	return img
}
