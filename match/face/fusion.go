package face

import (
	"fmt"
	"image"
	"math"
	"sync"
)

// Fusion describes a face by several recognisers as one. Its template is the
// parts' templates one after the other, each of the length of the square root
// of its weight: the cosine of two such templates is the weighted sum of the
// parts' cosines. Safe for concurrent use if the parts are.
type Fusion struct {
	manifest Manifest
	parts    []Describer
	scales   []float64
}

var (
	_ Describer      = (*Fusion)(nil)
	_ FrameDescriber = (*Fusion)(nil)
)

// NewFusion joins parts, which must be those that m names, in its order.
func NewFusion(m Manifest, parts []Describer) (*Fusion, error) {
	bad := func(format string, args ...any) (*Fusion, error) {
		return nil, fmt.Errorf("make fusion %s: %s", m.ID, fmt.Sprintf(format, args...))
	}
	if m.Kind != KindFusion || m.Metric != Cosine || len(parts) != len(m.Parts) || len(parts) == 0 {
		return bad("manifest of kind %s, metric %s, for %d of %d parts", m.Kind, m.Metric, len(parts), len(m.Parts))
	}
	f := &Fusion{manifest: m, parts: parts}
	sum, dimension := 0.0, 0
	for i, p := range m.Parts {
		part := parts[i].Manifest()
		if part.ID != p.ID || part.Metric != Cosine || !(p.Weight > 0) {
			return bad("part %s of weight %g by metric %s, want %s", part.ID, p.Weight, part.Metric, p.ID)
		}
		sum += p.Weight
		dimension += part.Dimension
		f.scales = append(f.scales, math.Sqrt(p.Weight))
	}
	if math.Abs(sum-1) > 1e-6 || dimension != m.Dimension {
		return bad("weights sum to %g, dimensions to %d", sum, dimension)
	}
	return f, nil
}

// Manifest implements [Describer].
func (f *Fusion) Manifest() Manifest { return f.manifest }

// Describe implements [Describer].
func (f *Fusion) Describe(img *image.RGBA, at Points) (Template, error) {
	return f.join(func(d Describer) (Template, error) { return d.Describe(img, at) })
}

// DescribeFrame implements [FrameDescriber].
func (f *Fusion) DescribeFrame(img *image.RGBA, at Points) (Template, error) {
	return f.join(func(d Describer) (Template, error) {
		if d, ok := d.(FrameDescriber); ok {
			return d.DescribeFrame(img, at)
		}
		return d.Describe(img, at)
	})
}

// join describes by each part; they work at the same time.
func (f *Fusion) join(describe func(Describer) (Template, error)) (Template, error) {
	templates := make([]Template, len(f.parts))
	errs := make([]error, len(f.parts))
	var describing sync.WaitGroup
	for i, p := range f.parts {
		describing.Go(func() { templates[i], errs[i] = describe(p) })
	}
	describing.Wait()
	out := Template{Model: f.manifest.ID, Values: make([]float32, 0, f.manifest.Dimension)}
	for i, t := range templates {
		if errs[i] != nil {
			return Template{}, errs[i]
		}
		scale := f.scales[i] / length(t.Values)
		for _, v := range t.Values {
			out.Values = append(out.Values, float32(float64(v)*scale))
		}
		t.Wipe()
	}
	return out, nil
}
