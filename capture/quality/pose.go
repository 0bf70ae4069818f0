package quality

import (
	"math"

	"github.com/enrold/enrold/match/face"
)

// model is where the five points lie on a face that looks straight ahead, in eye
// distances: right, down and away from the camera. The plane is that of the
// ArcFace template, which is a mean of many faces, with the nose a little lower,
// where detectors put it (mean pitch of 55 frontal photographs); depths are anthropometric
// means (nose tip before the eyes by about a third of the 63 mm between them,
// corners of the mouth a little before).
var model = [5][3]float64{
	{-0.5, 0, 0}, {0.5, 0, 0}, {0.0, 0.61, -0.45}, {-0.413, 1.156, -0.08}, {0.414, 1.152, -0.08},
}

// inverse is the model's pseudo-inverse, made once: it takes five centred
// coordinates to a row of scale times rotation.
var inverse, _ = invert(model)

// Angles of the head in degrees (ISO/IEC 19794-5 §5.5.8): yaw to the person's
// left, pitch downwards and roll towards the person's right are positive.
type Angles struct {
	Yaw   float64 `json:"yaw"`
	Pitch float64 `json:"pitch"`
	Roll  float64 `json:"roll"`
}

// Pose estimates the head's angles from five points by a weak perspective fit
// of a mean face (DeMenthon and Davis 1995, first iteration). A person's own
// shape, the length of the nose above all, moves pitch by up to ten degrees and
// yaw by some: it guides, it does not measure.
func Pose(p face.Points) Angles {
	var mx, my float64
	for _, q := range p {
		mx, my = mx+q.X/5, my+q.Y/5
	}
	var i, j [3]float64
	for k, q := range p {
		for c := range 3 {
			i[c] += inverse[c][k] * (q.X - mx)
			j[c] += inverse[c][k] * (q.Y - my)
		}
	}
	s := (norm(i) + norm(j)) / 2
	if !(s > 0) {
		return Angles{Yaw: 90, Pitch: 90, Roll: 90}
	}
	// The rows hold how the model's axes go to the picture's; depth's column
	// tells how far the nose has moved sideways and down. Away from the camera
	// is positive, so a nose that moves right turns the face to its left.
	bound := func(v float64) float64 { return math.Max(-1, math.Min(1, v)) }
	return Angles{
		Yaw:   degrees(math.Asin(bound(-i[2] / s))),
		Pitch: degrees(math.Asin(bound(-j[2] / s))),
		Roll:  degrees(math.Atan2(p[face.LeftEye].Y-p[face.RightEye].Y, p[face.LeftEye].X-p[face.RightEye].X)),
	}
}

// pose: within ICAO's 5 degrees (8 of roll; Doc 9303-9 §3.9 by ISO/IEC 19794-5
// §7.2.2) the full value, none at 35.
func pose(p face.Points) []Result {
	a := Pose(p)
	const none = 35.0
	return []Result{
		{Yaw, ramp(math.Abs(a.Yaw), none, 5), round2(a.Yaw), "degrees"},
		{Pitch, ramp(math.Abs(a.Pitch), none, 5), round2(a.Pitch), "degrees"},
		{Roll, ramp(math.Abs(a.Roll), none, 8), round2(a.Roll), "degrees"},
	}
}

func degrees(rad float64) float64 { return rad * 180 / math.Pi }
func round2(v float64) float64    { return math.Round(100*v) / 100 }
func norm(v [3]float64) float64   { return math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2]) }

// invert is (MᵀM)⁻¹Mᵀ of the model less its middle.
func invert(m [5][3]float64) (inv [3][5]float64, middle [3]float64) {
	for _, p := range m {
		for c := range 3 {
			middle[c] += p[c] / 5
		}
	}
	var a [3][3]float64
	for _, p := range m {
		for r := range 3 {
			for c := range 3 {
				a[r][c] += (p[r] - middle[r]) * (p[c] - middle[c])
			}
		}
	}
	cofactor := func(r, c int) float64 {
		r1, r2, c1, c2 := (r+1)%3, (r+2)%3, (c+1)%3, (c+2)%3
		return a[r1][c1]*a[r2][c2] - a[r1][c2]*a[r2][c1]
	}
	det := a[0][0]*cofactor(0, 0) + a[0][1]*cofactor(0, 1) + a[0][2]*cofactor(0, 2)
	for r := range 3 {
		for k, p := range m {
			for c := range 3 {
				inv[r][k] += cofactor(c, r) / det * (p[c] - middle[c])
			}
		}
	}
	return inv, middle
}
