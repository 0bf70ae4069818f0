// Package population is the record of the emulated persons, as a deciding
// database has it: for demonstrations, tests and pilots. Its records are derived
// in memory from the same seeds and photographs as the emulated desk's persons;
// nothing about anybody is written.
package population

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face/engines"
	"github.com/enrold/enrold/match/face/policy"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/wire"
)

// Reasons for which this central rejects.
const (
	ReasonDocument  wire.Reason = "document_not_verified"
	ReasonUnknown   wire.Reason = "unknown_person"
	ReasonRecord    wire.Reason = "record_mismatch"
	ReasonFace      wire.Reason = "face_no_match"
	ReasonNoFace    wire.Reason = "face_not_usable"
	ReasonFinger    wire.Reason = "finger_no_match"
	ReasonNoFingers wire.Reason = "finger_missing"
)

// decides is how this central compares faces: as strictly as a desk.
var decides = policy.Policy{FMR: engines.DefaultFMR}

// Population decides by the records of the emulated persons.
type Population struct {
	photos, models string
	people         []persons.Person

	loaded chan struct{}    // closed by Load
	faces  *engines.Engines // nil when the models could not be loaded
	failed error

	mu      sync.Mutex
	fingers map[uint64]*finger.Template // by seed

	extractors sync.Pool // of *finger.Extractor
}

// New knows the persons whose photographs are in the folder photos; Load brings
// the recognition models from the folder models.
func New(photos, models string) (*Population, error) {
	p := &Population{photos: photos, models: models, loaded: make(chan struct{}), fingers: map[uint64]*finger.Template{}}
	for i := range persons.Count {
		person, err := persons.Get(i)
		if err != nil {
			return nil, err
		}
		if _, err := person.Photos(photos); err != nil {
			return nil, err
		}
		p.people = append(p.people, person)
	}
	return p, nil
}

// Load loads the face models, which requests wait for, and then derives the
// fingers on record, which they do not.
func (p *Population) Load(ctx context.Context, log *slog.Logger) error {
	p.faces, p.failed = engines.Open(p.models, "") // the best that are installed, as at the desk
	close(p.loaded)
	if p.failed != nil {
		// Serving goes on: what is received stays undecided, as with a database down.
		log.Error("face models not loaded", "error", p.failed)
	}
	done := make(chan error)
	go func() { done <- p.fileFingers(ctx) }()
	return <-done
}

// Close frees the models; Load and Decide must have ended.
func (p *Population) Close() {
	if p.faces != nil {
		_ = p.faces.Close() // the process ends with it
	}
}

// Decide implements intake.Decider.
func (p *Population) Decide(ctx context.Context, body request.Body) (intake.Verdict, error) {
	r := body.Request
	chip := r.Chip()
	if chip == nil || chip.PA.State != eid.CheckOK {
		return intake.Verdict{State: wire.StateRejected, Reason: ReasonDocument}, nil
	}
	person, identity, ok := p.find(chip.Holder)
	if !ok {
		return intake.Verdict{State: wire.StateRejected, Reason: ReasonUnknown}, nil
	}
	if identity.Birth != chip.Holder.Birth || identity.Nationality != chip.Holder.Nationality {
		return intake.Verdict{State: wire.StateRejected, Reason: ReasonRecord}, nil
	}
	select {
	case <-p.loaded:
	case <-ctx.Done():
		return intake.Verdict{}, ctx.Err()
	}
	var fingers, faces wire.Reason
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { fingers, err = p.compareFingers(ctx, person, r.Fingers); return })
	g.Go(func() (err error) { faces, err = p.compareFace(person, r.Portraits, attested(r)); return })
	if err := g.Wait(); err != nil {
		return intake.Verdict{}, err
	}
	for _, reason := range []wire.Reason{faces, fingers} {
		if reason != "" {
			return intake.Verdict{State: wire.StateRejected, Reason: reason}, nil
		}
	}
	return intake.Verdict{State: wire.StateGranted}, nil
}

// find looks a holder up by personal number (citizens) or passport number.
func (p *Population) find(h eid.Holder) (persons.Person, persons.Identity, bool) {
	for _, person := range p.people {
		if h.PersonalNumber != "" && h.PersonalNumber.Reveal() == person.Citizen.PersonalNumber {
			return person, person.Citizen, true
		}
		if h.PersonalNumber == "" && h.DocumentNumber.Reveal() == person.Foreigner.DocumentNumber {
			return person, person.Foreigner, true
		}
	}
	return persons.Person{}, persons.Identity{}, false
}
