package external

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"log/slog"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Finding is what one demand of the protocol found; nil is well.
type Finding struct {
	Demand string
	Err    error
}

// Conform holds the engine at place against the protocol: img shows one face,
// whose points are at. Each demand is made whether or not those before were met.
func Conform(ctx context.Context, place string, img *image.RGBA, at face.Points, log *slog.Logger) []Finding {
	e, err := Open(ctx, place, 0, log)
	findings := []Finding{{"introduces itself", err}}
	if err != nil {
		return findings
	}
	demand := func(name string, err error) { findings = append(findings, Finding{name, err}) }
	demand("describes a face, the same each time", twice(e, img, at))
	demand("says of a flat picture that it shows no face", flat(e))
	demand("goes on afterwards", twice(e, img, at))
	begin := time.Now()
	err = e.Close()
	if took := time.Since(begin); err == nil && took >= endWithin {
		err = fmt.Errorf("took %v", took)
	}
	demand("ends when its input ends", err)
	for _, c := range []struct {
		demand string
		body   any
		code   string
	}{
		{"refuses an unknown operation", request{ID: 7, Op: "colour"}, codeUnsupported},
		{"refuses a request without an image", request{ID: 7, Op: opDescribe}, codeInput},
		{"refuses an image of the wrong size", request{ID: 7, Op: opDescribe, Image: &picture{Width: 64, Height: 64, Pixels: []byte{1}}}, codeInput},
		{"refuses four points", request{ID: 7, Op: opDescribe, Image: pictureOf(img), Points: make([][]float64, 4)}, codeInput},
		{"survives what is no message", "nonsense", codeInput},
	} {
		demand(c.demand, refuses(ctx, place, c.body, c.code))
	}
	return findings
}

// one describes the face as the desk would.
func one(e *Engine, img *image.RGBA, at face.Points) (face.Template, error) {
	if !e.Detects() {
		return e.Describer().Describe(img, at)
	}
	faces, err := e.Describe(img)
	if err == nil && len(faces) != 1 {
		err = fmt.Errorf("%d faces in a picture of one", len(faces))
	}
	if err != nil {
		return face.Template{}, err
	}
	return faces[0].Template, nil
}

func twice(e *Engine, img *image.RGBA, at face.Points) error {
	a, err := one(e, img, at)
	if err != nil {
		return err
	}
	b, err := one(e, img, at)
	if err != nil {
		return err
	}
	for i := range a.Values {
		if d := a.Values[i] - b.Values[i]; d > 1e-4 || d < -1e-4 {
			return fmt.Errorf("number %d of the template differs by %g", i, d)
		}
	}
	return nil
}

// flat asks about a gray picture, with points in its middle.
func flat(e *Engine) error {
	at := face.Points{{X: 290, Y: 290}, {X: 350, Y: 290}, {X: 320, Y: 320}, {X: 295, Y: 355}, {X: 345, Y: 355}}
	img := image.NewRGBA(image.Rect(0, 0, 640, 640))
	draw.Draw(img, img.Rect, image.NewUniform(color.Gray{128}), image.Point{}, draw.Src)
	if e.Detects() {
		faces, err := e.Describe(img)
		if err == nil && len(faces) > 0 {
			return fmt.Errorf("%d faces", len(faces))
		}
		if eid.CodeOf(err) == eid.CodeNoFace {
			return nil
		}
		return err
	}
	if _, err := e.Describer().Describe(img, at); eid.CodeOf(err) != eid.CodeNoFace {
		return fmt.Errorf("want no_face, got %w", errors.Join(err, errors.New("an answer")))
	}
	return nil
}

// refuses sends one message that must be answered by an error, after which the
// connection must still serve a hello.
func refuses(ctx context.Context, place string, message any, code string) error {
	conn, err := dial(ctx, place)
	if err != nil {
		return err
	}
	defer conn.Close()
	limit := time.AfterFunc(helloWithin, func() { conn.Close() })
	defer limit.Stop()
	var sent bytes.Buffer
	if err := errors.Join(write(&sent, message), write(&sent, request{ID: 8, Op: opHello, Protocol: Protocol})); err != nil {
		return err
	}
	if _, err := io.Copy(conn, &sent); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	var refused, a answer
	if err := read(conn, MaxAnswer, &refused); err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	r, known := message.(request)
	if refused.Error == nil || refused.Error.Code != code || known && refused.ID != r.ID {
		return fmt.Errorf("want error %q to request %d, got %+v", code, r.ID, refused.Error)
	}
	if err := read(conn, MaxAnswer, &a); err != nil || a.ID != 8 || a.Hello == nil {
		return fmt.Errorf("the connection does not go on: %w", errors.Join(err, errors.New("no hello")))
	}
	return nil
}
