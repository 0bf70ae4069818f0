package engines

import (
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/manifest"
)

// describer loads a recogniser, or a fusion with its parts.
func (l *loader) describer(id string) (face.Describer, error) {
	m, err := manifest.Find(l.all, id)
	if err != nil {
		return nil, eid.Fail(eid.CodeInternal, "load models", err)
	}
	if m.Kind != face.KindFusion {
		m, data, err := l.read(id)
		if err != nil {
			return nil, err
		}
		r, err := l.rt.Recogniser(m, data)
		if err != nil {
			return nil, err
		}
		l.loaded(m, r.Close)
		return r, nil
	}
	var parts []face.Describer
	for _, p := range m.Parts {
		part, err := l.describer(p.ID)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	f, err := face.NewFusion(m, parts)
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, "load models", err)
	}
	l.loaded(m, nil)
	return f, nil
}

// detector loads the detector and the landmark model, which it may need.
func (l *loader) detector() error {
	c := l.into.Choice
	var marks face.Landmarker
	if c.Landmarks != "" && (c.Detector == frDetect || l.there(c.Landmarks)) {
		m, data, err := l.read(c.Landmarks)
		if err != nil {
			return err
		}
		lm, err := l.rt.Landmarks(m, data)
		if err != nil {
			return err
		}
		l.loaded(m, lm.Close)
		marks = lm
	}
	m, data, err := l.read(c.Detector)
	if err != nil {
		return err
	}
	l.into.Marks = marks
	if c.Detector == frDetect {
		d, err := l.rt.Boxes(m, data, marks)
		if err != nil {
			return err
		}
		l.loaded(m, d.Close)
		l.into.Detector = d
		return nil
	}
	d, err := l.rt.YuNet(m, data)
	if err != nil {
		return err
	}
	l.loaded(m, d.Close)
	l.into.Detector = d
	return nil
}

// liveness loads a model that may be missing: nil then. An altered one is an error.
func (l *loader) liveness(id string) (face.LivenessModel, error) {
	if !l.there(id) {
		return nil, nil
	}
	m, data, err := l.read(id)
	if err != nil {
		return nil, err
	}
	p, err := l.rt.Liveness(m, data)
	if err != nil {
		return nil, err
	}
	l.loaded(m, p.Close)
	return p, nil
}

func (l *loader) there(id string) bool {
	m, err := manifest.Find(l.all, id)
	return err == nil && manifest.Present(l.dir, m)
}
