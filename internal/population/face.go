package population

import (
	"fmt"
	"os"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/match/face"
	faceformat "github.com/enrold/enrold/match/face/format"
	"github.com/enrold/enrold/match/face/policy"
	"github.com/enrold/enrold/match/face/portrait"
	"github.com/enrold/enrold/sync/wire"
)

// attested tells whether the desk's officer signed that he knows the person again.
func attested(r station.Request) bool {
	for _, a := range r.Attestations {
		if a.Kind == eid.AttestFace && a.Officer == r.Officer && a.Reason != "" {
			return true
		}
	}
	return false
}

// compareFace compares the live portraits with the photograph on record. What
// the comparison leaves to a person is granted on the attestation of the desk's
// officer; a central with examiners of its own would ask them.
func (p *Population) compareFace(person persons.Person, live []eid.PortraitRecord, attested bool) (wire.Reason, error) {
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
	var frames []policy.Live
	for _, s := range live {
		images, err := faceformat.Read(s.Record)
		if err != nil {
			return ReasonNoFace, nil //nolint:nilerr // an unusable picture is a reason, not a failure
		}
		frame, err := portrait.Decode(images[0].Data)
		if err != nil {
			return ReasonNoFace, nil //nolint:nilerr // an unusable picture is a reason, not a failure
		}
		frames = append(frames, policy.Live{Image: frame, Quality: s.Quality})
	}
	if len(frames) == 0 {
		return ReasonNoFace, nil
	}
	decision, err := decides.Compare(p.faces.Engine, p.faces.Recogniser(), record, frames...)
	if code := eid.CodeOf(err); err != nil && (code == eid.CodeNoFace || code == eid.CodeManyFaces) {
		return ReasonNoFace, nil
	}
	if err != nil {
		return "", err
	}
	if decision.Outcome == eid.FaceMatch || decision.Outcome == eid.FaceReview && attested {
		return "", nil
	}
	return ReasonFace, nil
}
