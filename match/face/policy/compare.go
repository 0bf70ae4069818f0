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
// left out as long as one has any. The portrait is described as a still, the live
// images as frames, all at the same time.
func (p Policy) Compare(e face.Engine, m face.Manifest, portrait image.Image, live ...Live) (eid.FaceDecision, error) {
	c, err := p.CompareAndKeep(e, m, portrait, live...)
	c.Person.Wipe()
	return c.Decision, err
}

// Comparison is a decision with what the live images showed of their person.
type Comparison struct {
	Decision eid.FaceDecision
	// Person is the mean of the live images' templates that took part. It is
	// personal data: wipe it after use.
	Person face.Template
}

// CompareAndKeep does the same and keeps what the live images showed.
func (p Policy) CompareAndKeep(e face.Engine, m face.Manifest, portrait image.Image, live ...Live) (Comparison, error) {
	frame := face.FrameOf(e)
	templates := make([]face.Template, 1+len(live))
	errs := make([]error, 1+len(live))
	defer func() {
		for _, t := range templates {
			t.Wipe()
		}
	}()
	var describing sync.WaitGroup
	describing.Go(func() { templates[0], errs[0] = single(e.Describe, portrait) })
	for i, l := range live {
		describing.Go(func() { templates[1+i], errs[1+i] = single(frame, l.Image) })
	}
	describing.Wait()
	if errs[0] != nil {
		return Comparison{}, fmt.Errorf("describe portrait: %w", errs[0])
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
			return Comparison{}, fmt.Errorf("describe live image: %w", err)
		}
	}
	if len(frames) == 0 {
		if missing == nil {
			missing = eid.Fail(eid.CodeInput, "compare face", nil)
		}
		return Comparison{}, fmt.Errorf("describe live images: %w", missing)
	}
	d, person, err := p.decide(m, templates[0], frames)
	d.LeftOut += len(live) - len(frames)
	return Comparison{d, person}, err
}

func single(describe func(image.Image) ([]face.Face, error), img image.Image) (face.Template, error) {
	faces, err := describe(img)
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
