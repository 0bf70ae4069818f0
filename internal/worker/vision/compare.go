package vision

import (
	"fmt"
	"image"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

const mostLive = 8

// compareFaces decodes the images and has the engine decide. Which image was at
// fault is in the error's cause.
func compareFaces(e face.Engine, portrait eid.Blob, live []eid.Blob) (eid.FaceDecision, error) {
	if len(live) == 0 || len(live) > mostLive {
		return eid.FaceDecision{}, eid.Fail(eid.CodeInput, "compare face", fmt.Errorf("%d live images: want 1 to %d", len(live), mostLive))
	}
	reference, err := decodePortrait(portrait)
	if err != nil {
		return eid.FaceDecision{}, fmt.Errorf("read portrait: %w", err)
	}
	probes := make([]image.Image, 0, len(live))
	for _, data := range live {
		img, err := face.DecodeJPEG(data)
		if err != nil {
			return eid.FaceDecision{}, fmt.Errorf("read live image: %w", err)
		}
		probes = append(probes, img)
	}
	return face.Verify(e, reference, probes...)
}
