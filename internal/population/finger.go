package population

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/wsq"
	"github.com/enrold/enrold/sync/wire"
)

// recordImpression is which impression of a finger is on record: one that no
// emulated scanner serves, so that the comparison is an honest one.
const recordImpression = 99

// compareFingers wants, for each position that the desk sent, one impression
// that matches the record's finger of that position.
func (p *Population) compareFingers(ctx context.Context, person persons.Person, samples []eid.FingerRecord) (wire.Reason, error) {
	if len(samples) == 0 {
		return ReasonNoFingers, nil
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
		probe, err := p.extract(finger.Image{Width: img.Rect.Dx(), Height: img.Rect.Dy(), DPI: dpi, Pixels: img.Pix})
		if err != nil {
			continue
		}
		matched[s.Position] = finger.Compare(record, probe) >= finger.Threshold
	}
	for _, ok := range matched {
		if !ok {
			return ReasonFinger, nil
		}
	}
	if len(matched) == 0 {
		return ReasonNoFingers, nil
	}
	return "", nil
}

// extract uses an extractor that is kept, since each has some megabytes of room.
func (p *Population) extract(img finger.Image) (*finger.Template, error) {
	e, ok := p.extractors.Get().(*finger.Extractor)
	if !ok {
		e = new(finger.Extractor)
	}
	defer p.extractors.Put(e)
	t, _, err := e.Extract(img)
	return t, err
}

// finger returns the template on record, grown when first asked for.
func (p *Population) finger(seed uint64) (*finger.Template, error) {
	p.mu.Lock()
	filed, ok := p.fingers[seed]
	p.mu.Unlock()
	if ok {
		return filed, nil
	}
	// Without the lock: a decision must not wait for a low-priority derivation of
	// another finger, and deriving one twice does no harm.
	img := ridge.Grow(seed).Impression(recordImpression, ridge.WindowZFM)
	t, err := p.extract(finger.Image{Width: img.Width, Height: img.Height, DPI: img.DPI, Pixels: img.Pixels})
	if err != nil {
		return nil, fmt.Errorf("extract record: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fingers[seed] = t
	return t, nil
}

// fileFingers derives the fingers that desks ask for most. A real central has
// its templates on file, so this takes only what time is left over: the thread
// has the lowest priority and, being locked, ends with its goroutine.
func (p *Population) fileFingers(ctx context.Context) error {
	runtime.LockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 19); err != nil {
		return fmt.Errorf("lower priority: %w", err)
	}
	for _, person := range p.people {
		for _, position := range []eid.FingerPosition{eid.RightIndex, eid.LeftIndex} {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // told to stop: what is not derived now is when it is asked for
			}
			if _, err := p.finger(person.FingerSeed(position)); err != nil {
				return err
			}
		}
	}
	return nil
}
