package main

import (
	"context"
	"fmt"
	"image"
	"log/slog"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/dlib"
	faceformat "github.com/enrold/enrold/match/face/format"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/wsq"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/wire"
)

// Reasons for which this central rejects.
const (
	reasonDocument  wire.Reason = "document_not_verified"
	reasonUnknown   wire.Reason = "unknown_person"
	reasonRecord    wire.Reason = "record_mismatch"
	reasonFace      wire.Reason = "face_no_match"
	reasonNoFace    wire.Reason = "face_not_usable"
	reasonFinger    wire.Reason = "finger_no_match"
	reasonNoFingers wire.Reason = "finger_missing"
)

// recordImpression is which impression of a finger is on record: one that no
// emulated scanner serves, so that the comparison is an honest one.
const recordImpression = 99

// population decides by the records of the emulated persons. The records are
// derived in memory from the same seeds and photographs as the emulated desk's
// persons; nothing about anybody is written.
type population struct {
	photos, models string
	people         []persons.Person

	loaded chan struct{} // closed by load
	engine *dlib.Engine  // nil when the models could not be loaded
	failed error

	mu      sync.Mutex
	fingers map[uint64]*finger.Template // by seed
}

func newPopulation(photos, models string) (*population, error) {
	p := &population{photos: photos, models: models, loaded: make(chan struct{}), fingers: map[uint64]*finger.Template{}}
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

// load loads the face models, which requests wait for, and then derives the
// fingers on record, which they do not.
func (p *population) load(ctx context.Context, log *slog.Logger) error {
	p.engine, p.failed = dlib.Open(p.models)
	close(p.loaded)
	if p.failed != nil {
		// Serving goes on: what is received stays undecided, as with a database down.
		log.Error("face models not loaded", "error", p.failed)
	}
	done := make(chan error)
	go func() { done <- p.fileFingers(ctx) }()
	return <-done
}

// fileFingers derives the fingers that desks ask for most. A real central has
// its templates on file, so this takes only what time is left over: the thread
// has the lowest priority and, being locked, ends with its goroutine.
func (p *population) fileFingers(ctx context.Context) error {
	runtime.LockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 19); err != nil {
		return fmt.Errorf("lower priority: %w", err)
	}
	for _, person := range p.people {
		for _, position := range []eid.FingerPosition{eid.RightIndex, eid.LeftIndex} {
			if ctx.Err() != nil {
				return nil
			}
			if _, err := p.finger(person.FingerSeed(position)); err != nil {
				return err
			}
		}
	}
	return nil
}

// close frees the models; load and Decide must have ended.
func (p *population) close() {
	if p.engine != nil {
		p.engine.Close()
	}
}

// Decide implements intake.Decider.
func (p *population) Decide(ctx context.Context, body request.Body) (intake.Verdict, error) {
	r := body.Request
	chip := r.Chip()
	if chip == nil || chip.PA.State != eid.CheckOK {
		return intake.Verdict{State: wire.StateRejected, Reason: reasonDocument}, nil
	}
	person, identity, ok := p.find(chip.Holder)
	if !ok {
		return intake.Verdict{State: wire.StateRejected, Reason: reasonUnknown}, nil
	}
	if identity.Birth != chip.Holder.Birth || identity.Nationality != chip.Holder.Nationality {
		return intake.Verdict{State: wire.StateRejected, Reason: reasonRecord}, nil
	}
	select {
	case <-p.loaded:
	case <-ctx.Done():
		return intake.Verdict{}, ctx.Err()
	}
	var fingers, faces wire.Reason
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { fingers, err = p.compareFingers(ctx, person, r.Fingers); return })
	g.Go(func() (err error) { faces, err = p.compareFace(person, r.Portraits); return })
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
func (p *population) find(h eid.Holder) (persons.Person, persons.Identity, bool) {
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

// compareFace compares the live portraits with the photograph on record.
func (p *population) compareFace(person persons.Person, live []eid.PortraitRecord) (wire.Reason, error) {
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
			return reasonNoFace, nil
		}
		frame, err := face.DecodeJPEG(images[0].Data)
		if err != nil {
			return reasonNoFace, nil
		}
		frames = append(frames, frame)
	}
	if len(frames) == 0 {
		return reasonNoFace, nil
	}
	decision, err := face.Verify(p.engine, record, frames...)
	if code := eid.CodeOf(err); err != nil && (code == eid.CodeNoFace || code == eid.CodeManyFaces) {
		return reasonNoFace, nil
	}
	if err != nil {
		return "", err
	}
	if !decision.Pass {
		return reasonFace, nil
	}
	return "", nil
}

// compareFingers wants, for each position that the desk sent, one impression
// that matches the record's finger of that position.
func (p *population) compareFingers(ctx context.Context, person persons.Person, samples []eid.FingerRecord) (wire.Reason, error) {
	if len(samples) == 0 {
		return reasonNoFingers, nil
	}
	matched := map[eid.FingerPosition]bool{}
	for _, s := range samples {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if matched[s.Position] || s.Position < eid.RightThumb || s.Position > eid.LeftLittle {
			continue
		}
		matched[s.Position] = false
		record, err := p.finger(person.FingerSeed(s.Position))
		if err != nil {
			return "", err
		}
		img, dpi, err := wsq.Decode(s.WSQ)
		if err != nil {
			continue // an unusable image matches nobody
		}
		if dpi == 0 {
			dpi = s.DPI
		}
		probe, _, err := finger.Extract(finger.Image{Width: img.Rect.Dx(), Height: img.Rect.Dy(), DPI: dpi, Pixels: img.Pix})
		if err != nil {
			continue
		}
		matched[s.Position] = finger.Compare(record, probe) >= finger.Threshold
	}
	for _, ok := range matched {
		if !ok {
			return reasonFinger, nil
		}
	}
	if len(matched) == 0 {
		return reasonNoFingers, nil
	}
	return "", nil
}

// finger returns the template on record, grown when first asked for.
func (p *population) finger(seed uint64) (*finger.Template, error) {
	p.mu.Lock()
	filed, ok := p.fingers[seed]
	p.mu.Unlock()
	if ok {
		return filed, nil
	}
	// Without the lock: a decision must not wait for a low-priority derivation of
	// another finger, and deriving one twice does no harm.
	img := ridge.Grow(seed).Impression(recordImpression, ridge.WindowZFM)
	t, _, err := finger.Extract(finger.Image{Width: img.Width, Height: img.Height, DPI: img.DPI, Pixels: img.Pixels})
	if err != nil {
		return nil, fmt.Errorf("extract record: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fingers[seed] = t
	return t, nil
}
