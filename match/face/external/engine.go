package external

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Time limits at the transport.
const (
	helloWithin    = 30 * time.Second // an engine may load its models first
	describeWithin = 5 * time.Second
)

// Engine is a running external engine. Safe for concurrent use: it serves one
// request at a time. An engine that dies or keeps silent costs the call under way
// (eid.CodeDeviceRestarted) and is started anew by the next.
type Engine struct {
	place string
	fmr   float64
	log   *slog.Logger
	hello Hello

	mu   sync.Mutex
	conn io.ReadWriteCloser // nil: to be started
	next uint64
}

// Open starts the engine at place, "unix:PATH" or "exec:PROGRAM ARGUMENTS", and
// hears its introduction. fmr is the false match rate of Model's threshold. An
// engine that does not run or breaks the protocol is eid.CodeFaceEngine.
func Open(ctx context.Context, place string, fmr float64, log *slog.Logger) (*Engine, error) {
	e := &Engine{place: place, fmr: fmr, log: log}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.start(ctx); err != nil {
		return nil, eid.Fail(eid.CodeFaceEngine, "open external engine", err)
	}
	return e, nil
}

// start connects and shakes hands; an engine that has become another one since
// the last time is refused: its scores mean something else.
func (e *Engine) start(ctx context.Context) error {
	conn, err := dial(ctx, e.place)
	if err != nil {
		return err
	}
	e.conn = conn
	a, err := e.exchange(request{Op: opHello, Protocol: Protocol}, helloWithin)
	if err == nil && a.Error != nil {
		err = fmt.Errorf("hello is answered by %s", a.Error.Code)
	}
	if err == nil && a.Hello == nil {
		err = errors.New("hello is not answered by one")
	}
	if err == nil {
		err = a.Hello.check()
	}
	if err == nil && e.hello.ID != "" && *a.Hello != e.hello {
		err = fmt.Errorf("model %q has become %q", e.hello.ID, a.Hello.ID)
	}
	if err != nil {
		e.drop()
		return err
	}
	e.hello = *a.Hello
	return nil
}

// Manifest is what the engine says of itself. It brings no limits: a bought
// engine is calibrated on an office's own pairs before it decides alone.
func (e *Engine) Manifest() face.Manifest {
	h := e.hello
	return face.Manifest{
		ID: h.ID, Kind: face.KindRecogniser, Engine: "external", Name: h.Name, Set: "external", Origin: h.Origin, Licence: h.Licence,
		PilotOnly: h.PilotOnly, Decides: true, Dimension: h.Dimension, Metric: h.Metric,
	}
}

// Detects tells whether the engine finds faces itself; one that does not is a
// [face.Describer] behind the desk's own detector: see Describer.
func (e *Engine) Detects() bool { return e.hello.Detects }

// Model implements [face.Engine].
func (e *Engine) Model() face.Model { return e.Manifest().Model(e.fmr) }

// Describe implements [face.Engine], for an engine that detects.
func (e *Engine) Describe(img image.Image) ([]face.Face, error) {
	return e.describe(face.RGBA(img), nil)
}

// Describer is the engine for faces whose points are known.
func (e *Engine) Describer() face.Describer { return describer{e} }

type describer struct{ e *Engine }

func (d describer) Manifest() face.Manifest { return d.e.Manifest() }

func (d describer) Describe(img *image.RGBA, at face.Points) (face.Template, error) {
	points := make([][]float64, len(at))
	for i, p := range at {
		points[i] = []float64{p.X, p.Y}
	}
	faces, err := d.e.describe(img, points)
	if err != nil {
		return face.Template{}, err
	}
	if len(faces) != 1 {
		return face.Template{}, eid.Fail(eid.CodeFaceEngine, "describe face", fmt.Errorf("%d templates for one face", len(faces)))
	}
	return faces[0].Template, nil
}

func (e *Engine) describe(img *image.RGBA, points [][]float64) ([]face.Face, error) {
	const op = "describe face"
	if err := face.CheckSize(img.Rect.Dx(), img.Rect.Dy()); err != nil {
		return nil, eid.Fail(eid.CodeInput, op, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn == nil {
		if err := e.start(context.Background()); err != nil {
			return nil, eid.Fail(eid.CodeFaceEngine, op, err)
		}
		e.log.Warn("external face engine started again", "model", e.hello.ID)
	}
	a, err := e.exchange(request{Op: opDescribe, Image: pictureOf(img), Points: points}, describeWithin)
	if err != nil {
		e.drop()
		return nil, eid.Fail(eid.CodeDeviceRestarted, op, err)
	}
	if a.Error != nil {
		return nil, eid.Fail(codeOf(*a.Error), op, fmt.Errorf("the engine answers %.20q", a.Error.Code))
	}
	faces, err := e.faces(a, img.Rect, points == nil)
	if err != nil {
		return nil, eid.Fail(eid.CodeFaceEngine, op, err)
	}
	return faces, nil
}

// faces checks an answer: what comes from outside decides about a person.
func (e *Engine) faces(a answer, frame image.Rectangle, boxes bool) ([]face.Face, error) {
	if len(a.Faces) > maxFaces {
		return nil, fmt.Errorf("%d faces", len(a.Faces))
	}
	faces := make([]face.Face, len(a.Faces))
	for i, f := range a.Faces {
		t, err := e.hello.template(f.Template)
		if err != nil {
			return nil, err
		}
		faces[i].Template = t
		if !boxes {
			continue
		}
		if len(f.Box) != 4 {
			return nil, errors.New("a face without a box")
		}
		if faces[i].Box = image.Rect(f.Box[0], f.Box[1], f.Box[2], f.Box[3]).Intersect(frame); faces[i].Box.Empty() {
			return nil, errors.New("a face outside the image")
		}
		if i > 0 && area(faces[i].Box) > area(faces[i-1].Box) {
			return nil, errors.New("the largest face does not come first")
		}
	}
	return faces, nil
}

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }

// exchange sends one request and takes its answer. After within the connection
// is closed, which ends both.
func (e *Engine) exchange(r request, within time.Duration) (answer, error) {
	e.next++
	r.ID = e.next
	conn := e.conn
	limit := time.AfterFunc(within, func() { conn.Close() })
	defer limit.Stop()
	if err := write(conn, r); err != nil {
		return answer{}, err
	}
	var a answer
	if err := read(conn, MaxAnswer, &a); err != nil {
		return answer{}, err
	}
	if a.ID != r.ID {
		return answer{}, fmt.Errorf("answer to request %d, want %d", a.ID, r.ID)
	}
	return a, nil
}

func (e *Engine) drop() {
	if e.conn != nil {
		_ = e.conn.Close() // it failed already
		e.conn = nil
	}
}

// Close ends the connection, and a program that was started for it.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn == nil {
		return nil
	}
	err := e.conn.Close()
	e.conn = nil
	return err
}

func codeOf(f failure) eid.Code {
	switch f.Code {
	case codeInput:
		return eid.CodeInput
	case codeNoFace:
		return eid.CodeNoFace
	}
	return eid.CodeFaceEngine
}

func pictureOf(img *image.RGBA) *picture {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	p := &picture{Width: w, Height: h, Pixels: make([]byte, 0, 3*w*h)}
	for y := range h {
		row := img.Pix[y*img.Stride:][: 4*w : 4*w]
		for x := range w {
			p.Pixels = append(p.Pixels, row[4*x:4*x+3]...)
		}
	}
	return p
}
