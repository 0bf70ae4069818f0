// Package jpeg2000 reads and writes portraits as JPEG 2000 (ISO/IEC 15444-1):
// JP2 files, and bare codestreams as some passports hold them. The coding is
// OpenJPEG's (BSD licence); what reaches it from outside is bounded first by
// reading the headers here, and it runs in worker processes only.
package jpeg2000

/*
#cgo pkg-config: libopenjp2
#cgo LDFLAGS: -lm
#include "codec.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"image"
	"runtime"
	"unsafe"

	"github.com/enrold/enrold/match/face"
)

// ErrTooLarge means that no file of an image is as small as wanted.
var ErrTooLarge = errors.New("no JPEG 2000 of this image is small enough")

const (
	leastBytes = 400 // a file's boxes and headers, with something behind them
	boxes      = 85  // of a file around its codestream: signature, type, header, colour
	tries      = 4
)

// Encode returns img as a JP2 file of at most mostBytes, with three components
// of 8 bits in sRGB, one quality layer, the 9-7 wavelet. It uses the room that
// it is given: only an image that needs less for all its detail comes out
// smaller.
func Encode(img *image.RGBA, mostBytes int) ([]byte, error) {
	const op = "encode jpeg 2000"
	width, height := img.Rect.Dx(), img.Rect.Dy()
	if err := face.CheckSize(width, height); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if mostBytes < leastBytes {
		return nil, fmt.Errorf("%s: %w", op, ErrTooLarge)
	}
	mostBytes = min(mostBytes, 3*width*height+leastBytes) // more is never needed
	// The library meets the size of a codestream to some bytes; what it is over is
	// asked for less the next time.
	out := make([]byte, mostBytes+1024)
	for most := mostBytes - boxes; most > 0; {
		n, err := encode(img, most, out)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		if n <= mostBytes {
			return out[:n:n], nil
		}
		most -= n - mostBytes + (mostBytes-boxes)/(16*tries)
	}
	return nil, fmt.Errorf("%s: %w", op, ErrTooLarge)
}

// encode returns how many bytes of out were written; more than fit are
// len(out)+1.
func encode(img *image.RGBA, most int, out []byte) (int, error) {
	pixels := img.Pix[img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y):]
	var words [C.JPEG2000_WORDS]C.char
	var written C.size_t
	result := C.jpeg2000_encode((*C.uint8_t)(unsafe.Pointer(&pixels[0])), C.int(img.Rect.Dx()), C.int(img.Rect.Dy()), C.int(img.Stride),
		C.int(most), (*C.uint8_t)(unsafe.Pointer(&out[0])), C.size_t(len(out)), &written, &words[0])
	runtime.KeepAlive(img)
	switch result {
	case C.JPEG2000_OK:
		return int(written), nil
	case C.JPEG2000_FULL:
		return len(out) + 1, nil
	}
	return 0, errors.New(C.GoString(&words[0]))
}
