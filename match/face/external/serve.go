package external

import (
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Describer is what an engine written in Go implements. points is nil where the
// desk has none, which happens only to an engine that detects. A picture without
// a face is eid.CodeNoFace.
type Describer interface {
	Describe(img *image.RGBA, points *face.Points) ([]face.Face, error)
}

// Serve is an engine's side of one connection, until its end. A request that is
// not understood is answered; only a broken stream is an error.
func Serve(conn io.ReadWriter, h Hello, d Describer) error {
	h.Protocol = Protocol
	if err := h.check(); err != nil {
		return fmt.Errorf("serve engine: %w", err)
	}
	for {
		var r request
		err := read(conn, MaxRequest, &r)
		switch _, bad := errors.AsType[malformed](err); {
		case errors.Is(err, io.EOF):
			return nil
		case bad:
			err = write(conn, answer{Error: &failure{Code: codeInput}})
		case err == nil:
			err = write(conn, reply(r, h, d))
		}
		if err != nil {
			return fmt.Errorf("serve engine: %w", err)
		}
	}
}

func reply(r request, h Hello, d Describer) answer {
	fail := func(code string) answer { return answer{ID: r.ID, Error: &failure{Code: code}} }
	switch r.Op {
	case opHello:
		return answer{ID: r.ID, Hello: &h}
	case opDescribe:
	default:
		return fail(codeUnsupported)
	}
	img, points, ok := r.input()
	if !ok || points == nil && !h.Detects {
		return fail(codeInput)
	}
	faces, err := d.Describe(img, points)
	switch {
	case err == nil:
	case eid.CodeOf(err) == eid.CodeNoFace:
		return fail(codeNoFace)
	case eid.CodeOf(err) == eid.CodeInput:
		return fail(codeInput)
	default:
		return fail(codeInternal)
	}
	a := answer{ID: r.ID}
	for _, f := range faces {
		b := f.Box
		a.Faces = append(a.Faces, described{Box: []int{b.Min.X, b.Min.Y, b.Max.X, b.Max.Y}, Template: f.Template.Values})
	}
	return a
}

// input checks a request's picture and points.
func (r request) input() (*image.RGBA, *face.Points, bool) {
	p := r.Image
	if p == nil || face.CheckSize(p.Width, p.Height) != nil || len(p.Pixels) != 3*p.Width*p.Height {
		return nil, nil, false
	}
	img := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i := range p.Width * p.Height {
		copy(img.Pix[4*i:], p.Pixels[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	if r.Points == nil {
		return img, nil, true
	}
	var at face.Points
	if len(r.Points) != len(at) {
		return nil, nil, false
	}
	for i, xy := range r.Points {
		if len(xy) != 2 {
			return nil, nil, false
		}
		at[i] = face.Point{X: xy[0], Y: xy[1]}
	}
	return img, &at, true
}
