package jpeg2000

// #include "codec.h"
import "C"

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"runtime"
	"unsafe"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Decode decodes a JP2 file or a bare codestream of one component (gray) or three
// (sRGB or sYCC), of 1 to 16 bits, into RGB, 8 bits a channel. The library is
// given the codestream alone: the boxes around it are read here, and sizes, tiles and code-blocks are bounded by the headers before anything is
// decoded; a damaged, cut or unbounded image is eid.CodeInput.
func Decode(data []byte) (*image.RGBA, error) {
	const op = "decode jpeg 2000"
	f, size, err := open(data)
	if err != nil {
		return nil, eid.Fail(eid.CodeInput, op, err)
	}
	img := image.NewRGBA(image.Rectangle{Max: size})
	ycc := C.int(0)
	if f.ycc {
		ycc = 1
	}
	var words [C.JPEG2000_WORDS]C.char
	result := C.jpeg2000_decode((*C.uint8_t)(unsafe.Pointer(&f.stream[0])), C.size_t(len(f.stream)), ycc, C.int(size.X), C.int(size.Y),
		(*C.uint8_t)(unsafe.Pointer(&img.Pix[0])), &words[0])
	runtime.KeepAlive(data)
	if result != C.JPEG2000_OK {
		said := C.GoString(&words[0])
		if said == "" {
			said = "not an image of this size, of one or three components"
		}
		return nil, eid.Fail(eid.CodeInput, op, fmt.Errorf("damaged image: %w", errors.New(said)))
	}
	return img, nil
}

// DecodeConfig reads the headers alone and refuses what Decode refuses by them.
func DecodeConfig(data []byte) (image.Config, error) {
	_, size, err := open(data)
	if err != nil {
		return image.Config{}, eid.Fail(eid.CodeInput, "read jpeg 2000 headers", err)
	}
	return image.Config{ColorModel: color.RGBAModel, Width: size.X, Height: size.Y}, nil
}

// open finds the codestream and bounds it.
func open(data []byte) (file, image.Point, error) {
	if len(data) > face.MaxImageBytes {
		return file{}, image.Point{}, fmt.Errorf("%d bytes are over the limit of %d", len(data), face.MaxImageBytes)
	}
	f, err := parse(data)
	if err != nil {
		return file{}, image.Point{}, err
	}
	size, err := check(f.stream)
	return f, size, err
}
