// Package finger is the desk's fingerprint engine: it turns a grey image
// into a minutiae template and compares two templates. It is pure (no device,
// no file, no goroutine) and knows nothing of who is compared.
//
// Extract segments the finger, evens out the contrast, estimates ridge
// orientation and period, enhances the ridges with filters that follow them
// (Hong, Wan, Jain, PAMI 20(8), 1998), does so again from the better picture,
// binarises, thins, and takes ridge endings and bifurcations from the skeleton,
// without those that noise makes. Compare describes each minutia by its
// neighbourhood as a bit cylinder (Cappelli, Ferrara, Maltoni, "Minutia
// Cylinder-Code", PAMI 32(12), 2010), lets the pairs that back each other
// propose alignments, counts the minutiae that agree, and lays the enhanced
// ridges over each other.
//
// Measured (eval_test.go, FVC2000=folder): FVC2000 DB1_B to DB4_B, all pairs
// within a set, EER 0.7, 3.2, 1.0 and 0.7 %, FMR1000 0.7, 3.9, 1.4 and 0.7 %. The
// constants were chosen by looking at all four sets, so these are a fit, not a
// test; they sit on plateaus (the same pictures scaled to 575 and 435 dpi or
// printed at a third of their contrast gave a mean EER of 0.9 to 1.4 %). Without
// ridges, as from interchange records: EER 1.8 %, FMR1000 5.3 % on the mean.
package finger

import (
	"errors"
	"fmt"
)

// Engine names this extractor and matcher in decisions and requests.
const Engine = "enrold-minutiae/2"

// DPI is the resolution at which templates are measured.
const DPI = 500

// Bounds of an image's side in pixels, as given and (the upper one) at 500 dpi
// too, and of its resolution.
const (
	MinSide = 150
	MaxSide = 1000
	MinDPI  = 250
	MaxDPI  = 1000
)

// Image is one grey impression, row major, 0 (black, ridge) to 255 (white).
type Image struct {
	Width, Height, DPI int
	Pixels             []byte // Width*Height
}

// Kind of a minutia, with the codes of ISO/IEC 19794-2:2011 §7.4.2.
type Kind uint8

const (
	Ending      Kind = 1
	Bifurcation Kind = 2
)

// Minutia is one ridge ending or bifurcation.
type Minutia struct {
	X, Y    int   // pixels at 500 dpi from the upper left corner
	Angle   uint8 // 256 units a turn, counter-clockwise from the x axis, ISO/IEC 19794-2:2011 §7.4.2.3
	Kind    Kind
	Quality uint8 // 1..100
}

// Template is what Compare needs of an impression.
type Template struct {
	Width, Height int // of the image at 500 dpi
	Minutiae      []Minutia
	Ridges        *Ridges // nil where only the minutiae are known
}

// Quality of an impression: 0 (useless) to 100, with the reasons against it.
type Quality struct {
	Score   int
	Reasons []string
}

// Reasons that Quality gives.
const (
	ReasonNoFinger    = "no_finger"
	ReasonSmallArea   = "too_small_area"
	ReasonDry         = "too_dry"
	ReasonWet         = "too_wet"
	ReasonUnclear     = "unclear_ridges"
	ReasonMoved       = "moved"
	ReasonOffCentre   = "off_centre"
	ReasonFewMinutiae = "few_minutiae"
)

// ErrImage means that the image breaks a bound or its own description.
var ErrImage = errors.New("image out of bounds")

// Extract returns the template and the quality of an impression. Resolutions
// other than 500 dpi are resampled. An image without a usable finger is not an
// error: it gives quality 0 with the reason no_finger and an empty template,
// which matches nothing.
func Extract(img Image) (*Template, Quality, error) {
	return new(Extractor).Extract(img)
}

// Extractor extracts one image after another and keeps its room between them,
// which is quicker than a new one each time by some megabytes of fresh memory.
// Its zero value is ready; one goroutine at a time may use it.
type Extractor struct {
	flat, soft, tmp, response plane
	field                     field // of the last image
	enhancer                  enhancer
	ridges                    ridgeMap
	thinner                   thinner
}

// Extract is the package's Extract.
func (e *Extractor) Extract(img Image) (*Template, Quality, error) {
	if err := img.check(); err != nil {
		return nil, Quality{}, fmt.Errorf("extract minutiae: %w", err)
	}
	g := newGrey(img)
	t := &Template{Width: g.w, Height: g.h}
	f := &e.field
	f.reset(g.w, g.h)
	f.measureContrast(g)
	f.fingerByContrast()
	if f.count < minBlocks {
		return t, Quality{Reasons: []string{ReasonNoFinger}}, nil
	}
	for _, p := range []*plane{&e.flat, &e.soft, &e.tmp, &e.response} {
		p.reset(g.w, g.h)
	}
	normalise(&e.flat, g, f)
	blur(&e.soft, &e.tmp, &e.flat, f.kernel)
	f.orient(&e.soft)
	f.measurePeriods(&e.flat)
	e.enhancer.lay(f, e.flat.stride)
	for n := range enhancements {
		if n > 0 {
			f.orient(&e.response)
		}
		e.enhancer.enhance(&e.response, &e.tmp, &e.flat, f)
	}
	f.measureClarity(&e.soft, &e.response)
	f.fingerByRidges()
	if f.count < minBlocks || f.meanClarity() < hopeless {
		return t, Quality{Reasons: []string{ReasonNoFinger}}, nil
	}
	t.Ridges = tiles(&e.response, f)
	ridges(&e.ridges, &e.response, f)
	e.thinner.thin(&e.ridges)
	t.Minutiae = e.ridges.minutiae(f)
	return t, judge(g, f, len(t.Minutiae)), nil
}

// enhancements is how often orientation and filters are computed, each time
// from the better picture of before: the second and third pass halve the errors.
const enhancements = 3

func (img Image) check() error {
	switch {
	case img.DPI < MinDPI || img.DPI > MaxDPI:
		return fmt.Errorf("%w: %d dpi, want %d to %d", ErrImage, img.DPI, MinDPI, MaxDPI)
	case min(img.Width, img.Height) < MinSide || max(img.Width, img.Height) > MaxSide:
		return fmt.Errorf("%w: %dx%d, want sides of %d to %d", ErrImage, img.Width, img.Height, MinSide, MaxSide)
	case max(img.Width, img.Height)*DPI > MaxSide*img.DPI:
		return fmt.Errorf("%w: %dx%d at %d dpi is over %d pixels at 500 dpi", ErrImage, img.Width, img.Height, img.DPI, MaxSide)
	case len(img.Pixels) != img.Width*img.Height:
		return fmt.Errorf("%w: %d bytes for %dx%d", ErrImage, len(img.Pixels), img.Width, img.Height)
	}
	return nil
}
