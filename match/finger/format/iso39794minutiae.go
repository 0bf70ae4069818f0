package format

import (
	"fmt"

	"github.com/enrold/enrold/internal/eid"
)

// read39794Minutiae reads ISO/IEC 39794-2. The tags of its module were not at
// hand when this was written (its container and first two fields are common to
// the series), so the list of minutiae is found by its form and not by its tag:
// the one field whose members all are
//
//	SEQUENCE { coordinate [0] { x [0], y [1] }, angle [1] INTEGER (0..255),
//	           kind [2] CODE, quality [3] …, … }
//
// A record in which no field or more than one has this form is refused rather
// than guessed at. Image size and sampling rate are left as not reported.
func read39794Minutiae(c *cursor) (Record, error) {
	blocks, err := representations(c.data, 2)
	if err != nil {
		return Record{}, err
	}
	var r Record
	for _, b := range blocks {
		fs, err := b.children()
		if err != nil {
			return Record{}, err
		}
		v := View{Impression: Unknown, Quality: -1}
		found := false
		for _, f := range fs {
			if f.is(tagPosition) {
				if p, ok := f.code(); ok && p >= 0 && p <= 10 {
					v.Position = eid.FingerPosition(p)
				}
				continue
			}
			if f.is(tagImpression) {
				if p, ok := f.code(); ok && p >= 0 && p <= 255 {
					v.Impression = Impression(p)
				}
				continue
			}
			if ms, ok := minutiae39794(f); ok {
				if found {
					return Record{}, fmt.Errorf("%w: two lists that look like minutiae in the block at byte %d", ErrUnsupported, b.at)
				}
				v.Minutiae, found = ms, true
			}
		}
		if !found {
			return Record{}, fmt.Errorf("%w: no list of minutiae in the block at byte %d", ErrUnsupported, b.at)
		}
		r.Views = append(r.Views, v)
	}
	return r, nil
}

// minutiae39794 reads a field as a list of minutiae if all of it has that form.
func minutiae39794(f element) ([]Minutia, bool) {
	list, err := f.children()
	if err != nil || len(list) == 0 {
		return nil, false
	}
	out := make([]Minutia, 0, len(list))
	for _, e := range list {
		if e.class != universal || e.number != tagSequence {
			return nil, false
		}
		fs, err := e.fields()
		if err != nil {
			return nil, false
		}
		x, xok := fs[0].child(0)
		y, yok := fs[0].child(1)
		if !xok || !yok {
			return nil, false
		}
		m := Minutia{}
		var ok [3]bool
		m.X, ok[0] = x.integer()
		m.Y, ok[1] = y.integer()
		angle, isAngle := fs[1].integer()
		kind, isKind := fs[2].code()
		if !ok[0] || !ok[1] || !isAngle || !isKind || m.X < 0 || m.X > maxCoordinate || m.Y < 0 || m.Y > maxCoordinate ||
			angle < 0 || angle > 255 || kind < 0 || kind > 255 {
			return nil, false
		}
		m.Angle = float64(angle) * stepISO
		if kind == int(Ending) || kind == int(Bifurcation) {
			m.Type = MinutiaType(kind)
		}
		if q, has := fs[3]; has {
			if v := score39794(q); v > 0 {
				m.Quality = v
			}
		}
		out = append(out, m)
	}
	return out, true
}
