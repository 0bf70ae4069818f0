package engines

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/dlib"
	"github.com/enrold/enrold/match/face/manifest"
	"github.com/enrold/enrold/match/face/onnx"
)

// DefaultFMR is the false match rate that an engine's own threshold is taken at
// where no policy says another.
const DefaultFMR = 0.001

// Engines are the loaded models of one choice. Close them.
type Engines struct {
	Choice   Choice
	Engine   face.Engine
	Detector face.Detector   // nil with dlib
	Marks    face.Landmarker // nil without a landmark model
	PAD      []face.LivenessModel
	// Models are the manifests of all that is loaded, the runtime among them.
	Models []face.Manifest
	// Dlib is the dlib engine where that was chosen.
	Dlib *dlib.Engine

	closers []func() error // in the order of opening
}

// Recogniser is the manifest that scores belong to.
func (e *Engines) Recogniser() face.Manifest {
	for _, m := range e.Models {
		if m.ID == e.Choice.Recogniser {
			return m
		}
	}
	return face.Manifest{}
}

// Open chooses as Choose does, checks and loads. Missing, altered or unusable
// files are eid.CodeModels.
func Open(dir, name string) (*Engines, error) {
	c, err := Choose(dir, name)
	if err != nil {
		return nil, err
	}
	all, err := manifest.All()
	if err != nil {
		return nil, eid.Fail(eid.CodeInternal, "load models", err)
	}
	if _, err := c.required(all); err != nil {
		return nil, eid.Fail(eid.CodeModels, "load models", err)
	}
	e := &Engines{Choice: c}
	l := loader{dir: dir, all: all, into: e}
	if c.Recogniser == dlibID {
		err = l.dlib()
	} else {
		err = l.onnx()
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Close frees the models. No call may be under way.
func (e *Engines) Close() error {
	var err error
	for i := len(e.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, e.closers[i]())
	}
	e.closers = nil
	return err
}

type loader struct {
	dir  string
	all  []face.Manifest
	into *Engines

	mu sync.Mutex // of into: several models load at the same time
	rt *onnx.Runtime
}

func (l *loader) dlib() error {
	m, err := manifest.Find(l.all, dlibID)
	if err != nil {
		return eid.Fail(eid.CodeInternal, "load models", err)
	}
	d, err := dlib.Open(l.dir)
	if err != nil {
		return err
	}
	l.into.Dlib, l.into.Engine, l.into.Models = d, d, []face.Manifest{m}
	l.into.closers = append(l.into.closers, func() error { d.Close(); return nil })
	return nil
}

// read checks a model's only file.
func (l *loader) read(id string) (face.Manifest, []byte, error) {
	m, err := manifest.Find(l.all, id)
	if err != nil {
		return m, nil, eid.Fail(eid.CodeInternal, "load models", err)
	}
	if len(m.Files) != 1 {
		return m, nil, eid.Fail(eid.CodeInternal, "load models", fmt.Errorf("%s has %d files", id, len(m.Files)))
	}
	data, err := manifest.Read(l.dir, m.Files[0])
	return m, data, err
}

// loaded notes a model and how to free it.
func (l *loader) loaded(m face.Manifest, closer func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.into.Models = append(l.into.Models, m)
	if closer != nil {
		l.into.closers = append(l.into.closers, closer)
	}
}

// onnx loads the library, then everything over it at the same time.
func (l *loader) onnx() error {
	m, err := library(l.all)
	if err != nil {
		return eid.Fail(eid.CodeModels, "load models", err)
	}
	if err := manifest.Verify(l.dir, m); err != nil {
		return err
	}
	path, err := filepath.Abs(filepath.Join(l.dir, m.Files[0].Name))
	if err != nil {
		return eid.Fail(eid.CodeModels, "load models", err)
	}
	if l.rt, err = onnx.Load(path); err != nil {
		return err
	}
	l.loaded(m, l.rt.Close)

	c := l.into.Choice
	pad := make([]face.LivenessModel, len(c.PAD))
	var describer face.Describer
	tasks := []func() error{
		func() (err error) { describer, err = l.describer(c.Recogniser); return err },
		l.detector,
	}
	for i, id := range c.PAD {
		tasks = append(tasks, func() (err error) { pad[i], err = l.liveness(id); return err })
	}
	errs := make([]error, len(tasks))
	var loading sync.WaitGroup
	for i, task := range tasks {
		loading.Go(func() { errs[i] = task() })
	}
	loading.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, p := range pad {
		if p != nil {
			l.into.PAD = append(l.into.PAD, p)
		}
	}
	l.into.Engine = &face.Pipeline{Detector: l.into.Detector, Describer: describer, FMR: DefaultFMR}
	return nil
}
