package vision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	portraits "github.com/enrold/enrold/match/face/portrait"
)

const methodDescribe = "describe"

type describeCall struct {
	Live []eid.Blob `cbor:"live"` // JPEG or JPEG 2000
}

// Description is the template of the person of several images, for a search
// among other persons' (1:N). Template is nil where the desk's model is not fit
// for that: no cosine metric, no limit, or not for decisions.
type Description struct {
	Model    string    `cbor:"model"`
	Template []float32 `cbor:"template"` // unit length
	Alike    float64   `cbor:"alike"`    // cosine similarity from which two are the same person to the model
}

// DescribeFaces gives the mean template of images of one person; images without
// exactly one face are left out. Right after CompareFace of the same images it is
// the template that was compared, and nothing is described again.
func (c *Client) DescribeFaces(ctx context.Context, live []eid.FaceSample) (Description, error) {
	var call describeCall
	for _, s := range live {
		call.Live = append(call.Live, s.Sent())
	}
	var out Description
	err := c.caller.Call(ctx, methodDescribe, call, &out, nil)
	return out, err
}

// DescribeImages does the same without a worker, for a command.
func DescribeImages(cfg config.Config, live []eid.Blob) (out Description, err error) {
	d, err := openDecider(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.describe(live)
}

func (s *service) describe(ctx context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	const op = "describe faces"
	var call describeCall
	if err := decode(in, &call); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if len(call.Live) == 0 || len(call.Live) > mostLive {
		return nil, eid.Fail(eid.CodeInput, op, fmt.Errorf("%d images: want 1 to %d", len(call.Live), mostLive))
	}
	out, err := s.face.describe(call.Live)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return out, nil
}

// describe takes the template of the comparison of these images, if that was the
// last one, else makes one. It uses the strictest limit: the more faces are searched, the more often
// one of them is alike by chance.
func (d *decider) describe(images []eid.Blob) (Description, error) {
	m := d.manifest
	if m.Metric != face.Cosine || len(m.Thresholds) == 0 || d.warning == eid.CodeModelsUnfit {
		return Description{}, nil
	}
	mean, ok := d.last.take(images)
	if !ok {
		var err error
		if mean, err = d.person(images); err != nil {
			return Description{}, err
		}
	}
	var square float64
	for _, v := range mean.Values {
		square += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(square))
	for i := range mean.Values {
		mean.Values[i] *= scale
	}
	strictest := m.Thresholds[0]
	for _, t := range m.Thresholds {
		if t.FMR < strictest.FMR {
			strictest = t
		}
	}
	return Description{Model: m.ID, Template: mean.Values, Alike: strictest.Accept}, nil
}

// person describes images of one person.
func (d *decider) person(images []eid.Blob) (face.Template, error) {
	var found []face.Template
	defer func() {
		for _, t := range found {
			t.Wipe()
		}
	}()
	describe := face.FrameOf(d.Engine) // as the comparison describes them
	for _, data := range images {
		img, err := portraits.Decode(data)
		if err != nil {
			return face.Template{}, err
		}
		faces, err := describe(img)
		if err != nil {
			return face.Template{}, err
		}
		if len(faces) == 1 || len(faces) > 1 && !face.Crowded(faces[0].Box, faces[1].Box) {
			found = append(found, faces[0].Template)
		}
	}
	if len(found) == 0 {
		return face.Template{}, eid.Fail(eid.CodeNoFace, "find face", nil)
	}
	return d.Engine.Model().Mean(found...)
}
