package faces

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/engines"
	"github.com/enrold/enrold/match/face/imagefile"
)

// readPhotograph reads a file within bounds; a file that is no photograph is
// eid.CodeInput.
func readPhotograph(path string) (*image.RGBA, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, imagefile.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	return imagefile.Read(data)
}

// describePhotograph makes the template of the most prominent face of a file;
// without one it is eid.CodeNoFace.
func describePhotograph(e face.Engine, path string) (face.Face, error) {
	img, err := readPhotograph(path)
	if err != nil {
		return face.Face{}, fmt.Errorf("%s: %w", path, err)
	}
	faces, err := e.Describe(img)
	if err == nil && len(faces) == 0 {
		err = eid.Fail(eid.CodeNoFace, "find face", nil)
	}
	if err != nil {
		return face.Face{}, fmt.Errorf("%s: %w", path, err)
	}
	return faces[0], nil
}

// engineChoice is which models a command uses.
type engineChoice struct {
	modelsPath
	Engine string `help:"Engine by name (fusion, intel, faceplugin, dlib, faceplugin-yunet) or by the id of its recogniser; by default the best that is installed."`
}

func (c *engineChoice) open() (*engines.Engines, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	return engines.Open(c.Models, c.Engine)
}

// Compare is `face compare`: two photographs, one decision.
type Compare struct {
	A    string `arg:"" type:"existingfile" help:"Photograph: JPEG, PNG, GIF, WebP, BMP or PGM."`
	B    string `arg:"" type:"existingfile" help:"Another."`
	JSON bool   `help:"Print JSON."`
	engineChoice
}

// comparison is what the command says.
type comparison struct {
	Engine     string           `json:"engine"`
	Model      string           `json:"model"`
	Metric     face.Metric      `json:"metric"`
	Score      float64          `json:"score"`
	Outcome    string           `json:"outcome"` // match, review, mismatch
	Limit      face.Threshold   `json:"threshold"`
	Thresholds []face.Threshold `json:"thresholds"` // each only means something for this model
	Warning    engines.Warning  `json:"warning,omitempty"`
	Boxes      [2]box           `json:"boxes"`
}

type box struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Outcomes of a comparison.
const (
	outcomeMatch    = "match"
	outcomeReview   = "review" // an officer decides
	outcomeMismatch = "mismatch"
)

// Run writes the decision and its score; a mismatch is an error, for the exit status.
func (c *Compare) Run(out io.Writer) (err error) {
	e, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	r := comparison{Engine: e.Choice.Name, Warning: e.Choice.Warning}
	var templates [2]face.Template
	for i, path := range []string{c.A, c.B} {
		f, err := describePhotograph(e.Engine, path)
		if err != nil {
			return err
		}
		templates[i] = f.Template
		r.Boxes[i] = box{f.Box.Min.X, f.Box.Min.Y, f.Box.Dx(), f.Box.Dy()}
	}
	model := e.Engine.Model()
	m := e.Recogniser()
	r.Model, r.Metric, r.Thresholds = m.ID, m.Metric, m.Thresholds
	if r.Score, err = model.Score(templates[0], templates[1]); err != nil {
		return err
	}
	r.Limit, r.Outcome = outcomeOf(m, r.Score)
	if c.JSON {
		err = json.NewEncoder(out).Encode(r)
	} else {
		_, err = fmt.Fprintf(out, "%s: %s %.3f by %s; match from %.3f (false match rate %g %% on %s), review from %.3f%s\n",
			r.Outcome, r.Metric, r.Score, r.Model, r.Limit.Accept, 100*r.Limit.FMR, r.Limit.CalibrationSet, r.Limit.Review, warned(r.Warning))
	}
	if err == nil && r.Outcome == outcomeMismatch {
		err = strangers{}
	}
	return err
}

// outcomeOf places a score by the limits for the customary false match rate, or by
// the strictest that the model has.
func outcomeOf(m face.Manifest, score float64) (face.Threshold, string) {
	limit, ok := m.At(engines.DefaultFMR)
	if !ok && len(m.Thresholds) > 0 {
		limit, ok = m.Thresholds[0], true
	}
	alike := func(at float64) bool { return score >= at }
	if m.Metric == face.Euclidean {
		alike = func(at float64) bool { return score <= at }
	}
	switch {
	case ok && alike(limit.Accept):
		return limit, outcomeMatch
	case ok && alike(limit.Review):
		return limit, outcomeReview
	}
	return limit, outcomeMismatch
}

// strangers makes the exit status that of prints that do not match.
type strangers struct{}

func (strangers) Error() string { return "the faces do not match" }

// ExitCode is kong's interface.
func (strangers) ExitCode() int { return 3 }
