// Package portrait decodes the portraits of chips and of requests: JPEG, or JPEG
// 2000 as file or bare codestream (Doc 9303-10 §4.7.2, ISO/IEC 19794-5:2005
// §5.8.1), and nothing else.
package portrait

import (
	"bytes"
	"errors"
	"image"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/jpeg2000"
)

// Decode returns the picture, 8 bits a channel. Anything else, or a damaged or
// unbounded image, is eid.CodeInput.
func Decode(data []byte) (*image.RGBA, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}):
		return face.DecodeJPEG(data)
	case jpeg2000.Is(data):
		return jpeg2000.Decode(data)
	}
	return nil, eid.Fail(eid.CodeInput, "decode portrait", errors.New("neither JPEG nor JPEG 2000"))
}
