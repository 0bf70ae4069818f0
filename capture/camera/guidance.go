package camera

import (
	"image"
	"math"
	"time"

	"github.com/enrold/enrold/capture/quality"
)

// Guidance is a short code of what the person should do; the screen has its words.
type Guidance string

const (
	NoFace    Guidance = "no_face"
	ManyFaces Guidance = "many_faces"
	Closer    Guidance = "closer"
	Farther   Guidance = "farther"
	Centre    Guidance = "centre"
	Hold      Guidance = "hold"  // moving, or blurred by movement
	Light     Guidance = "light" // too dark, too bright or too flat
	OK        Guidance = "ok"    // this frame may be taken
)

// The gates that a frame must pass. Portrait size from the 90 pixels between
// the eyes that ICAO's portrait quality report asks for at least.
const (
	leastEyes     = 90.0
	tallestFace   = 0.75 // of the frame's height; beyond, chin or hair is cut off
	widestOffset  = 0.4  // of the half frame
	leastSharp    = 18
	leastExposure = 40
	leastRange    = 40
	mostMovement  = 0.12 // of the face's width, between two frames
	movementTime  = 300 * time.Millisecond
)

// guide tells what is still to mend in o, whose face is the only one; the
// coarsest fault first. before is the observation before, or nil.
func guide(o, before *Observation) Guidance {
	frame := o.Frame.Bounds()
	x, y := quality.Offset(frame, o.Box)
	switch {
	case quality.EyeDistance(o.Box) < leastEyes:
		return Closer
	case float64(o.Box.Dy()) > tallestFace*float64(frame.Dy()):
		return Farther
	case math.Abs(x) > widestOffset || math.Abs(y) > widestOffset:
		return Centre
	case before != nil && moved(o, before):
		return Hold
	case worst(o, quality.UnderExposure, quality.OverExposure) < leastExposure || worst(o, quality.DynamicRange) < leastRange:
		return Light
	case worst(o, quality.Sharpness) < leastSharp:
		return Hold
	}
	return OK
}

func worst(o *Observation, names ...string) int {
	low := 100
	for _, name := range names {
		low = min(low, quality.Value(o.Measures, name))
	}
	return low
}

// moved compares with the frame before, if that is recent enough to tell.
func moved(o, before *Observation) bool {
	if before.Box.Empty() || o.Frame.Taken.Sub(before.Frame.Taken) > movementTime {
		return false
	}
	shift := middle(o.Box).Sub(middle(before.Box))
	limit := mostMovement * float64(o.Box.Dx())
	return math.Hypot(float64(shift.X), float64(shift.Y)) > limit ||
		math.Abs(float64(o.Box.Dx()-before.Box.Dx())) > 2*limit
}

func middle(r image.Rectangle) image.Point { return r.Min.Add(r.Max).Div(2) }
