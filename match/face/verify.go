package face

import (
	"fmt"
	"image"
	"sync"

	"github.com/enrold/enrold/internal/eid"
)

// sideFace is the share of the largest face's width from which a second face
// counts as a second person and not as a picture on the wall.
const sideFace = 0.5

// Verify compares the face of the portrait with the one of the live images. It
// returns eid.CodeNoFace or eid.CodeManyFaces when an image does not show
// exactly one person. A mismatch is a decision, not an error. The images are
// described at the same time: e must be safe for that.
func Verify(e Engine, portrait image.Image, live ...image.Image) (eid.FaceDecision, error) {
	images := append([]image.Image{portrait}, live...)
	templates := make([]Template, len(images))
	errs := make([]error, len(images))
	var describing sync.WaitGroup
	for i, img := range images {
		describing.Go(func() { templates[i], errs[i] = single(e, img) })
	}
	describing.Wait()
	for i, err := range errs {
		if err != nil {
			return eid.FaceDecision{}, fmt.Errorf("describe %s: %w", which(i), err)
		}
	}
	return e.Model().Decide(templates[0], templates[1:]...)
}

func which(i int) string {
	if i == 0 {
		return "portrait"
	}
	return "live image"
}

func single(e Engine, img image.Image) (Template, error) {
	faces, err := e.Describe(img)
	if err != nil {
		return Template{}, err
	}
	if len(faces) == 0 {
		return Template{}, eid.Fail(eid.CodeNoFace, "find face", nil)
	}
	if len(faces) > 1 && Crowded(faces[0].Box, faces[1].Box) {
		return Template{}, eid.Fail(eid.CodeManyFaces, "find face", nil)
	}
	return faces[0].Template, nil
}

// Crowded tells whether the next smaller face is large enough beside the
// largest to be a second person before the camera.
func Crowded(largest, next image.Rectangle) bool {
	return float64(next.Dx()) >= sideFace*float64(largest.Dx())
}
