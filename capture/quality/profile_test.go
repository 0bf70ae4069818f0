package quality

import (
	"math"
	"testing"

	"github.com/enrold/enrold/match/face"
)

// TestProfiles: every profile says why it differs, and lowers or raises what it
// names; every word has both languages.
func TestProfiles(t *testing.T) {
	profiles, err := Profiles()
	if err != nil {
		t.Fatal(err)
	}
	ids := ""
	for i, p := range profiles {
		ids += p.ID + " "
		if p.LabelVI == "" || p.LabelEN == "" || (i > 0 && (p.WhyVI == "" || p.WhyEN == "")) {
			t.Errorf("%s lacks words", p.ID)
		}
		for _, l := range p.Changes {
			if i > 0 && l == profiles[0].Limit(l.Measure) {
				t.Errorf("%s names %s without changing it", p.ID, l.Measure)
			}
			if p.Limit(l.Measure) != l {
				t.Errorf("%s: %s is %v", p.ID, l.Measure, p.Limit(l.Measure))
			}
		}
		if i > 0 && p.Limit(SingleFace) != profiles[0].Limit(SingleFace) {
			t.Errorf("%s: another person may be in the picture", p.ID)
		}
	}
	if ids != "standard glasses headscarf child dim " {
		t.Errorf("profiles %s", ids)
	}
	if _, err := Named(profiles, "hat"); err == nil {
		t.Error("an unknown profile is found")
	}
	for _, w := range words {
		if w.LabelVI == "" || w.LabelEN == "" || w.ReasonVI == "" || w.ReasonEN == "" || w.Weight <= 0 {
			t.Errorf("%s lacks words", w.Name)
		}
	}
	for name, data := range map[string]string{
		"none": "", "unknown key": "[[profile]]\nid='a'\nseconds=1.0\nmovement=0.1\nhat=1",
		"unknown measure":    "[[profile]]\nid='a'\nseconds=1.0\nmovement=0.1\nlimits=[{measure='hat',least=1,wanted=2}]",
		"wanted under least": "[[profile]]\nid='a'\nseconds=1.0\nmovement=0.1\nlimits=[{measure='sharpness',least=3,wanted=2}]",
		"no time":            "[[profile]]\nid='a'\nmovement=0.1",
	} {
		if _, err := parseProfiles([]byte(data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestPose: the model itself, turned by known angles and seen from afar, gives
// those angles back.
func TestPose(t *testing.T) {
	for _, a := range []Angles{{}, {Yaw: 12}, {Yaw: -20}, {Pitch: 10}, {Pitch: -15}, {Roll: 9}, {Yaw: 10, Pitch: 8}, {Yaw: -15, Pitch: -6}} {
		got := Pose(project(a))
		if math.Abs(got.Yaw-a.Yaw) > 1.5 || math.Abs(got.Pitch-a.Pitch) > 1.5 || math.Abs(got.Roll-a.Roll) > 2.5 {
			t.Errorf("%+v is seen as %+v", a, got)
		}
	}
	if got := Pose(face.Points{}); got.Yaw != 90 {
		t.Errorf("points on one place have the pose %+v", got)
	}
}

// project turns the model (yaw about the vertical, then pitch, then roll) and
// drops its depth.
func project(a Angles) (p face.Points) {
	rad := func(d float64) float64 { return d * math.Pi / 180 }
	sy, cy := math.Sincos(rad(a.Yaw))
	sp, cp := math.Sincos(rad(a.Pitch))
	sr, cr := math.Sincos(rad(a.Roll))
	for i, m := range model {
		x, y, z := m[0]*cy-m[2]*sy, m[1], m[0]*sy+m[2]*cy // the nose, before the face, goes right
		y, z = y*cp-z*sp, y*sp+z*cp
		x, y = x*cr-y*sr, x*sr+y*cr
		p[i] = face.Point{X: 500 + 120*x, Y: 400 + 120*y}
		_ = z
	}
	return p
}
