package population

import (
	"fmt"
	"image"
	"os"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	faceformat "github.com/enrold/enrold/match/face/format"
	"github.com/enrold/enrold/sync/wire"
)

// compareFace compares the live portraits with the photograph on record.
func (p *Population) compareFace(person persons.Person, live []eid.PortraitRecord) (wire.Reason, error) {
	if p.failed != nil {
		return "", p.failed
	}
	photos, err := person.Photos(p.photos)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(photos[0])
	if err != nil {
		return "", fmt.Errorf("read record: %w", err)
	}
	record, err := face.DecodeJPEG(data)
	if err != nil {
		return "", fmt.Errorf("read record: %w", err)
	}
	var frames []image.Image
	for _, s := range live {
		images, err := faceformat.Read(s.Record)
		if err != nil {
			return ReasonNoFace, nil
		}
		frame, err := face.DecodeJPEG(images[0].Data)
		if err != nil {
			return ReasonNoFace, nil
		}
		frames = append(frames, frame)
	}
	if len(frames) == 0 {
		return ReasonNoFace, nil
	}
	decision, err := face.Verify(p.engine, record, frames...)
	if code := eid.CodeOf(err); err != nil && (code == eid.CodeNoFace || code == eid.CodeManyFaces) {
		return ReasonNoFace, nil
	}
	if err != nil {
		return "", err
	}
	if !decision.Pass {
		return ReasonFace, nil
	}
	return "", nil
}
