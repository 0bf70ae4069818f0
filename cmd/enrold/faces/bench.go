package faces

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/enrold/enrold/cmd/enrold/outfile"
	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/face"
)

// Bench is `bench face`: error rates (ISO/IEC 19795-1) and times of the installed
// engine on an office's own photographs.
type Bench struct {
	Pairs    string `arg:"" optional:"" type:"existingfile" help:"CSV file of pairs: path, path, 1 for one person and 0 for two. Paths are relative to the file's folder."`
	Dir      string `type:"existingdir" help:"Folder of persons, each a folder of photographs: all pairs are compared."`
	Template int    `default:"1" help:"With --dir: compare templates of so many photographs with single others (docs/MODELS.md says how)."`
	Frames   bool   `help:"Describe photographs as the frames of a capture, which are averaged, by fewer views."`
	Threads  int    `default:"1" help:"Photographs described at the same time. The times by stage are measured with one."`
	Scores   string `type:"path" help:"Write every score to this CSV file."`
	Plot     string `type:"path" help:"Write the DET curve to this SVG file."`
	JSON     bool   `help:"Print JSON."`
	engineChoice
}

// setFigures are the figures of one set. Rates are 0..1; a rate's limit is the
// score from which it holds.
type setFigures struct {
	Engine   string         `json:"engine"`
	Model    string         `json:"model"`
	Detector string         `json:"detector,omitempty"`
	Metric   face.Metric    `json:"metric"`
	Template int            `json:"template"`
	Frames   bool           `json:"frames"` // described as frames, not as stills
	Images   int            `json:"images"`
	Failures int            `json:"failures_to_acquire"`
	FTA      float64        `json:"fta"`
	Genuine  int            `json:"genuine_pairs"`
	Impostor int            `json:"impostor_pairs"`
	EER      float64        `json:"eer"`
	EERAt    float64        `json:"eer_threshold"`
	FRR      []rateAt       `json:"frr"`
	Policy   []limitFigures `json:"policy,omitempty"` // the model's own limits on this set

	MS      map[string]float64 `json:"ms"`    // mean processor time of a stage, for one photograph
	Compare float64            `json:"ns"`    // of one comparison
	Clock   string             `json:"clock"` // cpu, or wall with several threads
}

// rateAt is the false rejection rate where the false acceptance rate is at most FAR.
type rateAt struct {
	FAR float64 `json:"far"`
	FRR float64 `json:"frr"`
	At  float64 `json:"threshold"`
}

// limitFigures is what one of the model's own limits gives on this set.
type limitFigures struct {
	face.Threshold
	FAR float64 `json:"far"`
	FRR float64 `json:"frr"`
}

var askedFAR = []float64{0.01, 0.001, 0.0001}

// Run writes one report; photographs without a face are failures to acquire in it.
func (c *Bench) Run(ctx context.Context, out io.Writer) (err error) {
	if (c.Pairs == "") == (c.Dir == "") {
		return errors.New("name either a file of pairs or --dir")
	}
	if c.Template < 1 || c.Template > 1 && c.Dir == "" || c.Threads < 1 {
		return errors.New("--template needs --dir; both numbers are at least 1")
	}
	var set pairSet
	if c.Pairs != "" {
		set, err = readPairs(c.Pairs)
	} else {
		set, err = readDir(c.Dir, c.Template)
	}
	if err != nil {
		return err
	}
	e, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	fmt.Fprintf(os.Stderr, "bench: %d photographs, engine %s\n", len(set.paths), e.Choice.Name)
	run := benchRun{set: set, engine: e.Engine, threads: c.Threads, frames: c.Frames}
	if err := run.describe(ctx); err != nil {
		return err
	}
	if err := run.compare(); err != nil {
		return err
	}
	curve := run.trial().Curve()
	f := run.figures(curve, e.Recogniser())
	f.Engine, f.Template, f.Frames = e.Choice.Name, c.Template, c.Frames
	if e.Detector != nil {
		f.Detector = e.Detector.Manifest().ID
	}
	if c.Scores != "" {
		if err := outfile.Write(c.Scores, run.writeScores); err != nil {
			return err
		}
	}
	if c.Plot != "" {
		title := fmt.Sprintf("%s, EER %.2f %%", f.Model, 100*f.EER)
		named := []evaluation.Named{{Name: f.Engine, Curve: curve}}
		if err := outfile.Write(c.Plot, func(w io.Writer) error { return evaluation.PlotDET(w, title, named) }); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(out).Encode(f)
	}
	return f.print(out)
}

func (f setFigures) print(out io.Writer) error {
	fmt.Fprintf(out, "engine %s, model %s, detector %s, templates of %d\n", f.Engine, f.Model, f.Detector, f.Template)
	fmt.Fprintf(out, "%d photographs, %d failures to acquire (%.2f %%); %d genuine and %d impostor comparisons\n",
		f.Images, f.Failures, 100*f.FTA, f.Genuine, f.Impostor)
	fmt.Fprintf(out, "EER %.2f %% at %.3f\n", 100*f.EER, f.EERAt)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "FAR %\tFRR %\tfrom score\t")
	for _, r := range f.FRR {
		fmt.Fprintf(w, "%g\t%.2f\t%.3f\t\n", 100*r.FAR, 100*r.FRR, r.At)
	}
	fmt.Fprintln(w, "\t\t\t\nlimit\tFAR % here\tFRR % here\tcalibrated on\t")
	for _, p := range f.Policy {
		fmt.Fprintf(w, "%.3f\t%.3f\t%.2f\t%g %% of %s\t\n", p.Accept, 100*p.FAR, 100*p.FRR, 100*p.FMR, p.CalibrationSet)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "ms each (%s):", f.Clock)
	for _, s := range faceStages {
		if ms, ok := f.MS[s]; ok {
			fmt.Fprintf(out, " %s %.1f", s, ms)
		}
	}
	_, err := fmt.Fprintf(out, "; %.0f ns a comparison\n", f.Compare)
	return err
}
