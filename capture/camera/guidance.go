package camera

import "github.com/enrold/enrold/capture/quality"

// Guidance is a short code of what the person should do; the screen has its
// words. Those of measures are named in quality.Words.
type Guidance string

// Codes beside those of measures.
const (
	NoFace    Guidance = "no_face"
	ManyFaces Guidance = "many_faces"
	Closer    Guidance = "closer"
	Farther   Guidance = "farther"
	Centre    Guidance = "centre"
	Hold      Guidance = "hold" // moving, or blurred by movement
	OK        Guidance = "ok"   // this frame may be taken
)

// guide tells what is still to mend by the profile's limits, the coarsest fault
// first.
func guide(p quality.Profile, r quality.Report, moved bool) Guidance {
	if len(r) == 0 {
		return NoFace
	}
	faults := p.Faults(r)
	for _, w := range faults {
		switch w.Name {
		case quality.HeadSize:
			if size, _ := r.Get(w.Name); size.Native < 0.5 {
				return Closer
			}
			return Farther
		case quality.LeftMargin, quality.RightMargin:
			return placed(r, quality.LeftMargin, quality.RightMargin, 2*quality.TokenSide)
		case quality.AboveMargin, quality.BelowMargin:
			return placed(r, quality.AboveMargin, quality.BelowMargin, quality.TokenAbove+quality.TokenBelow)
		case quality.SingleFace, quality.EyesApart:
			return Guidance(w.Guidance)
		}
		if moved {
			return Hold // light and pose are judged when the face is still
		}
		if w.Guidance != "" {
			return Guidance(w.Guidance)
		}
	}
	if moved {
		return Hold
	}
	if len(faults) > 0 {
		return Hold
	}
	return OK
}

// placed tells a face that is off the middle from one that is too near for any
// portrait: want is what a token image needs along this direction.
func placed(r quality.Report, a, b string, want float64) Guidance {
	x, _ := r.Get(a)
	y, _ := r.Get(b)
	if x.Native+y.Native < want*quality.Tightest {
		return Farther
	}
	return Centre
}
