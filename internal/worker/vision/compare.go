package vision

import (
	"errors"
	"fmt"
	"image"
	"sync"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face/policy"
	portraits "github.com/enrold/enrold/match/face/portrait"
)

const mostLive = 8

// compare decodes the images and decides. Which image was at fault is in the
// error's cause.
func (d *decider) compare(call compareCall) (eid.FaceDecision, error) {
	if len(call.Live) == 0 || len(call.Live) > mostLive {
		return eid.FaceDecision{}, eid.Fail(eid.CodeInput, "compare face", fmt.Errorf("%d live images: want 1 to %d", len(call.Live), mostLive))
	}
	var portrait image.Image
	live := make([]policy.Live, len(call.Live))
	errs := make([]error, 1+len(live))
	var decoding sync.WaitGroup
	decoding.Go(func() {
		var err error
		if portrait, err = portraits.Decode(call.Portrait); err != nil {
			errs[0] = fmt.Errorf("read portrait: %w", err)
		}
	})
	for i, f := range call.Live {
		decoding.Go(func() {
			img, err := portraits.Decode(f.Image)
			if err != nil {
				errs[1+i] = fmt.Errorf("read live image: %w", err)
			}
			live[i] = policy.Live{Image: img, Quality: f.Quality}
		})
	}
	decoding.Wait()
	if err := errors.Join(errs...); err != nil {
		return eid.FaceDecision{}, err
	}
	c, err := d.policy.CompareAndKeep(d.Engine, d.manifest, portrait, live...)
	if err != nil {
		return eid.FaceDecision{}, err
	}
	if c.Decision.Outcome == eid.FaceMismatch {
		c.Person.Wipe()
	} else { // whether the face was seen before is asked next
		images := make([]eid.Blob, len(call.Live))
		for i, f := range call.Live {
			images[i] = f.Image
		}
		d.last.keep(images, c.Person)
	}
	c.Decision.Warning = d.warning
	return c.Decision, nil
}
