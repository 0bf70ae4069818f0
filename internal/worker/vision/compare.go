package vision

import (
	"errors"
	"fmt"
	"image"
	"sync"

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
	images := make([]image.Image, 1+len(live))
	errs := make([]error, len(images))
	var decoding sync.WaitGroup
	decoding.Go(func() {
		var err error
		if images[0], err = decodePortrait(portrait); err != nil {
			errs[0] = fmt.Errorf("read portrait: %w", err)
		}
	})
	for i, data := range live {
		decoding.Go(func() {
			var err error
			if images[1+i], err = face.DecodeJPEG(data); err != nil {
				errs[1+i] = fmt.Errorf("read live image: %w", err)
			}
		})
	}
	decoding.Wait()
	if err := errors.Join(errs...); err != nil {
		return eid.FaceDecision{}, err
	}
	return face.Verify(e, images[0], images[1:]...)
}
