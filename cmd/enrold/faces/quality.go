package faces

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/enrold/enrold/capture/camera"
	"github.com/enrold/enrold/capture/pad"
	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Quality is `face quality`: what a portrait is measured for (ISO/IEC 19794-5).
type Quality struct {
	Image    string `arg:"" type:"existingfile" help:"Photograph: JPEG, PNG, GIF, WebP, BMP, PGM or JPEG 2000."`
	Profile  string `help:"What is asked: standard, glasses, headscarf, child, dim." default:"standard"`
	JSON     bool   `help:"Print JSON."`
	Portrait string `help:"Write the portrait of the face, cut to the token geometry, to this file: JPEG, or JPEG 2000 where its name ends in .jp2." type:"path"`
	Bytes    int    `help:"Of that portrait, at most." default:"102400"`
	engineChoice
}

// qualityReport is what the command says.
type qualityReport struct {
	Width        int              `json:"width"`
	Height       int              `json:"height"`
	Faces        int              `json:"faces"`
	Box          box              `json:"box"`
	Points       face.Points      `json:"points"` // right eye, left eye, nose, right and left corner of the mouth
	Pose         quality.Angles   `json:"pose"`   // degrees, estimated from five points
	Unified      int              `json:"unified_quality_score"`
	Profile      string           `json:"profile"`
	Acceptable   bool             `json:"acceptable"` // every measure reaches the profile's least
	Measures     []measured       `json:"measures"`
	Presentation eid.Presentation `json:"presentation"` // of the models only; not tested to ISO/IEC 30107-3
	Detector     string           `json:"detector"`
	Names        string           `json:"names"`
}

// namedAfter is said with every report: names are not conformance.
const namedAfter = "after ISO/IEC 29794-5; no conformance is claimed"

type measured struct {
	quality.Result
	Least  int  `json:"least"`
	Wanted int  `json:"wanted"`
	OK     bool `json:"ok"`

	LabelVI  string `json:"label_vi"`
	LabelEN  string `json:"label_en"`
	ReasonVI string `json:"reason_vi,omitempty"` // where the value is lower than wanted
	ReasonEN string `json:"reason_en,omitempty"`
}

// Run writes every measure with its limit in the profile asked for.
func (c *Quality) Run(out io.Writer) (err error) {
	profiles, err := quality.Profiles()
	if err != nil {
		return err
	}
	profile, err := quality.Named(profiles, c.Profile)
	if err != nil {
		return err
	}
	e, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if e.Detector == nil {
		return eid.Fail(eid.CodeModels, "measure face", errors.New("this engine finds no points: install more models"))
	}
	img, err := readPhotograph(c.Image)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Image, err)
	}
	found, err := face.Find(e.Detector, img)
	if err == nil && len(found) == 0 {
		err = eid.Fail(eid.CodeNoFace, "find face", nil)
	}
	if err == nil {
		found[0], err = face.Refine(e.Detector, img, found[0])
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.Image, err)
	}
	scene := quality.Scene{Image: img, Bounds: img.Rect, Face: found[0], Others: found[1:]}
	if e.Marks != nil {
		if scene.Marks, err = e.Marks.Landmarks(img, found[0].Box); err != nil {
			return err
		}
	}
	r := judgePortrait(scene, profile)
	r.Detector = e.Detector.Manifest().ID
	models := pad.Models(e.PAD)
	r.Presentation.Models = models.IDs()
	if r.Presentation.Signal, err = models.Signal(img, found[0].Box); err != nil {
		return err
	}
	if c.Portrait != "" {
		if err := writePortrait(c.Portrait, img, found[0].Points, c.Bytes); err != nil {
			return err
		}
	}
	if c.JSON {
		err = json.NewEncoder(out).Encode(r)
	} else {
		err = r.print(out)
	}
	if err == nil && !r.Acceptable {
		err = unfit{}
	}
	return err
}

// unfit ends the command with a status of its own.
type unfit struct{}

func (unfit) Error() string { return "the portrait is not good enough" }
func (unfit) ExitCode() int { return 3 }

func judgePortrait(s quality.Scene, p quality.Profile) qualityReport {
	report := quality.Measure(s)
	b := s.Face.Box
	r := qualityReport{
		Width: s.Bounds.Dx(), Height: s.Bounds.Dy(), Faces: 1 + len(s.Others),
		Box: box{b.Min.X, b.Min.Y, b.Dx(), b.Dy()}, Points: s.Face.Points, Pose: quality.Pose(s.Face.Points),
		Unified: report.Unified(), Profile: p.ID, Acceptable: len(report) > 0 && len(p.Faults(report)) == 0, Names: namedAfter,
	}
	for _, w := range quality.All() {
		x, ok := report.Get(w.Name)
		if !ok {
			continue
		}
		l := p.Limit(w.Name)
		m := measured{Result: x, Least: l.Least, Wanted: l.Wanted, OK: x.Value >= l.Least, LabelVI: w.LabelVI, LabelEN: w.LabelEN}
		if x.Value < l.Wanted {
			m.ReasonVI, m.ReasonEN = w.ReasonVI, w.ReasonEN
		}
		r.Measures = append(r.Measures, m)
	}
	return r
}

func writePortrait(path string, img *image.RGBA, at face.Points, most int) error {
	e := camera.Encoding{JPEG2000: strings.EqualFold(filepath.Ext(path), ".jp2"), MostBytes: most}
	p, err := camera.EncodePortrait(img, img.Rect, at, e)
	if err != nil {
		return err
	}
	data := p.JPEG
	if e.JPEG2000 {
		data = p.JPEG2000
	}
	return os.WriteFile(path, data, 0o600)
}

func (r qualityReport) print(out io.Writer) error {
	fmt.Fprintf(out, "quality %d of 100 for %s; yaw %.0f°, pitch %.0f°, roll %.0f°; liveness models: %s\n",
		r.Unified, r.Profile, r.Pose.Yaw, r.Pose.Pitch, r.Pose.Roll, r.Presentation.Signal)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range r.Measures {
		mark := "✓"
		if !m.OK {
			mark = "✕"
		}
		fmt.Fprintf(w, "%s %s\t%d\t%s\n", mark, m.Name, m.Value, m.ReasonVI)
	}
	return w.Flush()
}
