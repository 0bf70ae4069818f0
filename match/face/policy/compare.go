package policy

import (
	"fmt"
	"image"
	"sync"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Live is one live image and the quality that the camera gave it, 0..100.
type Live struct {
	Image   image.Image
	Quality int
}

// Compare describes the faces of portrait and live images by e, whose manifest m
// is, and decides. A portrait without exactly one face, or a live image with two
// persons, is eid.CodeNoFace or eid.CodeManyFaces; live images without a face are
// left out as long as one has any. The images are described at the same time.
func (p Policy) Compare(e face.Engine, m face.Manifest, portrait image.Image, live ...Live) (eid.FaceDecision, error) {
	images := []image.Image{portrait}
	for _, l := range live {
		images = append(images, l.Image)
	}
	templates := make([]face.Template, len(images))
	errs := make([]error, len(images))
	var describing sync.WaitGroup
	for i, img := range images {
		describing.Go(func() { templates[i], errs[i] = single(e, img) })
	}
	describing.Wait()
	if errs[0] != nil {
		return eid.FaceDecision{}, fmt.Errorf("describe portrait: %w", errs[0])
	}
	var frames []Frame
	var missing error
	for i, l := range live {
		switch err := errs[1+i]; {
		case err == nil:
			frames = append(frames, Frame{Template: templates[1+i], Quality: l.Quality})
		case eid.CodeOf(err) == eid.CodeNoFace:
			missing = err
		default:
			return eid.FaceDecision{}, fmt.Errorf("describe live image: %w", err)
		}
	}
	if len(frames) == 0 {
		if missing == nil {
			missing = eid.Fail(eid.CodeInput, "compare face", nil)
		}
		return eid.FaceDecision{}, fmt.Errorf("describe live images: %w", missing)
	}
	d, err := p.Decide(m, templates[0], frames)
	d.LeftOut += len(live) - len(frames)
	return d, err
}

func single(e face.Engine, img image.Image) (face.Template, error) {
	faces, err := e.Describe(img)
	switch {
	case err != nil:
		return face.Template{}, err
	case len(faces) == 0:
		return face.Template{}, eid.Fail(eid.CodeNoFace, "find face", nil)
	case len(faces) > 1 && face.Crowded(faces[0].Box, faces[1].Box):
		return face.Template{}, eid.Fail(eid.CodeManyFaces, "find face", nil)
	}
	return faces[0].Template, nil
}
