package quality

import (
	"math"

	"github.com/enrold/enrold/match/face"
)

const (
	eyesLeast  = 90.0  // pixels between the eyes that ICAO's portrait quality report asks for at least
	eyesWanted = 240.0 // beyond, more pixels tell nothing more

	// HeadHeight is crown to chin in eye distances, a mean of adults (about 225
	// over 63 mm).
	HeadHeight = 3.55
)

// Distances from the middle between the eyes to the edges of a portrait, in eye
// distances: of the token image, and of the tightest that ISO/IEC 19794-5 §8.3
// and Doc 9303-3 §3.9 allow, whose head fills 80 % of the height.
const (
	TokenSide  = 0.5 / TokenEyeShare
	TokenAbove = TokenEyeLine / TokenEyeShare
	TokenBelow = TokenAspect/TokenEyeShare - TokenAbove
	Tightest   = HeadHeight / 0.8 * TokenEyeShare / TokenAspect // scale of the token's distances
)

// geometry: how large the head is and whether a portrait around it fits.
func geometry(s Scene, eyes float64) []Result {
	size := 50.0
	if eyes < eyesLeast {
		size *= eyes / eyesLeast
	} else {
		size += 50 * (eyes - eyesLeast) / (eyesWanted - eyesLeast)
	}
	share := HeadHeight * eyes / float64(s.Bounds.Dy())
	head := min(ramp(share, 0.1, 0.35), ramp(share, 1.1, 0.8))
	p := s.Face.Points
	x, y := (p[face.RightEye].X+p[face.LeftEye].X)/2, (p[face.RightEye].Y+p[face.LeftEye].Y)/2
	return []Result{
		{EyesApart, percent(size / 100), round2(eyes), "pixels"},
		{HeadSize, head, round2(share), "share"},
		margin(LeftMargin, (x-float64(s.Bounds.Min.X))/eyes, TokenSide),
		margin(RightMargin, (float64(s.Bounds.Max.X)-x)/eyes, TokenSide),
		margin(AboveMargin, (y-float64(s.Bounds.Min.Y))/eyes, TokenAbove),
		margin(BelowMargin, (float64(s.Bounds.Max.Y)-y)/eyes, TokenBelow),
	}
}

// margin is 100 where a token image fits, 50 where only the tightest does.
func margin(name string, have, want float64) Result {
	tight := want * Tightest
	v := 0.5 * have / tight
	if have > tight {
		v = 0.5 + 0.5*(have-tight)/(want-tight)
	}
	return Result{name, percent(v), round2(math.Max(-99, math.Min(99, have))), "eye distances"}
}
