package format

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/finger"
)

// FromTemplate makes a view of what the engine extracted. The quality is 0..100
// or -1. A template of more minutiae than the formats hold keeps the best.
func FromTemplate(t *finger.Template, at eid.FingerPosition, quality int) View {
	v := View{
		Position: at, Impression: LivePlain, Quality: quality,
		Width: t.Width, Height: t.Height,
		PixelsPerCmX: PixelsPerCm(finger.DPI), PixelsPerCmY: PixelsPerCm(finger.DPI),
	}
	for _, m := range t.Minutiae {
		v.Minutiae = append(v.Minutiae, Minutia{
			X: m.X, Y: m.Y, Angle: float64(m.Angle) * stepISO, Type: MinutiaType(m.Kind), Quality: int(m.Quality),
		})
	}
	if len(v.Minutiae) > maxMinutiae {
		slices.SortStableFunc(v.Minutiae, func(a, b Minutia) int { return cmp.Compare(b.Quality, a.Quality) })
		v.Minutiae = v.Minutiae[:maxMinutiae]
	}
	return v
}

// unreportedQuality is what a minutia without a quality counts as.
const unreportedQuality = 50

// Template makes a template for the engine, rescaled to its resolution. Minutiae
// of no stated type become endings: the engine knows two kinds. A view without
// a resolution or whose pixels are not square is refused; one without an image
// size is taken to end behind its last minutia.
func (v View) Template() (*finger.Template, error) {
	if v.PixelsPerCmX == 0 || v.PixelsPerCmX != v.PixelsPerCmY {
		return nil, fmt.Errorf("make template: %w: %d x %d pixels a cm", ErrUnsupported, v.PixelsPerCmX, v.PixelsPerCmY)
	}
	scale := float64(finger.DPI) / float64(v.DPI())
	rescale := func(n int) int { return int(math.Round(float64(n) * scale)) }
	t := &finger.Template{Width: rescale(v.Width), Height: rescale(v.Height)}
	for _, m := range v.Minutiae {
		kind := finger.Ending
		if m.Type == Bifurcation {
			kind = finger.Bifurcation
		}
		quality := m.Quality
		if quality == 0 {
			quality = unreportedQuality
		}
		t.Minutiae = append(t.Minutiae, finger.Minutia{
			X: rescale(m.X), Y: rescale(m.Y),
			Angle: uint8(int(math.Round(m.Angle/stepISO)) % 256), Kind: kind, Quality: uint8(quality),
		})
		if v.Width == 0 {
			t.Width = max(t.Width, rescale(m.X)+1)
		}
		if v.Height == 0 {
			t.Height = max(t.Height, rescale(m.Y)+1)
		}
	}
	return t, nil
}
