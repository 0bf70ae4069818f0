package face

import (
	"image"

	"github.com/enrold/enrold/internal/eid"
)

// Pipeline is an engine of a detector and a describer. Safe for concurrent use
// if both are.
type Pipeline struct {
	Detector  Detector
	Describer Describer
	FMR       float64 // false match rate that the model's threshold is taken at
}

var (
	_ Engine      = (*Pipeline)(nil)
	_ FrameEngine = (*Pipeline)(nil)
)

// Model implements [Engine].
func (p *Pipeline) Model() Model { return p.Describer.Manifest().Model(p.FMR) }

// Describe implements [Engine]. Only the first face and those that are large
// enough beside it to be a second person have a template.
func (p *Pipeline) Describe(img image.Image) ([]Face, error) {
	return p.each(img, p.Describer.Describe)
}

// DescribeFrame implements [FrameEngine], by fewer views where the describer
// knows such. The points are refined all the same: in noise they decide more
// than views do.
func (p *Pipeline) DescribeFrame(img image.Image) ([]Face, error) {
	if d, ok := p.Describer.(FrameDescriber); ok {
		return p.each(img, d.DescribeFrame)
	}
	return p.each(img, p.Describer.Describe)
}

func (p *Pipeline) each(img image.Image, describe func(*image.RGBA, Points) (Template, error)) ([]Face, error) {
	if err := CheckSize(img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, eid.Fail(eid.CodeInput, "describe face", err)
	}
	rgba := RGBA(img)
	found, err := Find(p.Detector, rgba)
	if err != nil {
		return nil, err
	}
	faces := make([]Face, len(found))
	for i, f := range found {
		faces[i].Box = f.Box
		if i > 0 && !Crowded(found[0].Box, f.Box) {
			continue
		}
		if f, err = Refine(p.Detector, rgba, f); err != nil {
			return nil, err
		}
		if faces[i].Template, err = describe(rgba, f.Points); err != nil {
			return nil, err
		}
	}
	return faces, nil
}
