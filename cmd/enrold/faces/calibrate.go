package faces

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/enrold/enrold/cmd/enrold/outfile"
	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/policy"
)

// Calibrate is `calibrate`: limits of decisions from an office's own samples.
type Calibrate struct {
	Face calibrateCmd `cmd:"" help:"Fit the limits of face comparison on an office's own labelled pairs."`
}

type calibrateCmd struct {
	engineChoice
	Pairs   string `arg:"" type:"existingfile" help:"CSV of path, path, 0 or 1 (one person), and optionally sex and age group. At least 200 consented pairs of chip portrait and live photograph; 3000 non-mated pairs for a false match rate of 0.1 %."`
	Set     string `help:"Name of the calibration set, which requests carry; by default the file's name."`
	Out     string `type:"path" help:"Write the calibration here: the desk's face.calibration."`
	Plot    string `type:"path" help:"Write the DET curves of all and of each group to this SVG file."`
	JSON    bool   `help:"Print JSON."`
	Weights bool   `help:"With a fusion of two models: say only which weight of the first makes the fewest errors on these pairs."`
	Threads int    `default:"2" help:"Threads that describe photographs."`
}

func (c *calibrateCmd) Run(ctx context.Context, out io.Writer) (err error) {
	if c.Threads < 1 {
		return errors.New("--threads is at least 1")
	}
	if c.Set == "" {
		c.Set = strings.TrimSuffix(filepath.Base(c.Pairs), filepath.Ext(c.Pairs))
	}
	set, err := readPairs(c.Pairs)
	if err != nil {
		return err
	}
	labels, err := readGroups(c.Pairs)
	if err != nil {
		return err
	}
	if len(labels) != len(set.trials) {
		return fmt.Errorf("read pairs: %d pairs, %d of them with columns of groups", len(set.trials), len(labels))
	}
	e, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	fmt.Fprintf(os.Stderr, "calibrate: %d photographs, %d pairs, engine %s\n", len(set.paths), len(set.trials), e.Choice.Name)
	run := benchRun{set: set, engine: e.Engine, threads: c.Threads}
	if err := run.describe(ctx); err != nil {
		return err
	}
	if c.Weights {
		return run.weights(e.Recogniser(), out, c.JSON)
	}
	if err := run.compare(); err != nil {
		return err
	}
	pairs, failed := run.pairs(labels)
	m := e.Recogniser()
	fitted, err := policy.Fit(m, c.Set, pairs, len(set.paths), failed, time.Now())
	if err != nil {
		return err
	}
	return c.give(out, m, pairs, fitted)
}

// pairs are the trials in the model's own metric, and how many photographs gave
// no template.
func (r *benchRun) pairs(labels []groupLabel) (pairs []policy.Pair, failed int) {
	for i, t := range r.set.trials {
		p := policy.Pair{A: t.a, B: t.b, Mated: t.mated, Score: r.alike(t.score), Sex: labels[i].sex, Age: labels[i].age}
		if math.IsInf(t.score, 0) {
			p.Score = math.NaN()
		}
		pairs = append(pairs, p)
	}
	for _, t := range r.templates {
		if t == nil {
			failed++
		}
	}
	return pairs, failed
}

// groupLabel is what the further columns say of a pair.
type groupLabel struct{ sex, age string }

// readGroups reads columns four and five of the lines that readPairs takes.
func readGroups(file string) (labels []groupLabel, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.TrimLeadingSpace, r.Comment = -1, true, '#'
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return labels, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read groups: %w", err)
		}
		if len(row) < 3 || strings.TrimSpace(row[2]) != "0" && strings.TrimSpace(row[2]) != "1" {
			continue // headings
		}
		var l groupLabel
		if len(row) > 3 {
			l.sex = strings.TrimSpace(row[3])
		}
		if len(row) > 4 {
			l.age = strings.TrimSpace(row[4])
		}
		labels = append(labels, l)
	}
}

// give writes what was asked for. A calibration without a usable limit is
// printed, but never written for a desk.
func (c *calibrateCmd) give(out io.Writer, m face.Manifest, pairs []policy.Pair, fitted policy.Calibration) error {
	text, err := json.MarshalIndent(fitted, "", "  ")
	if err != nil {
		return fmt.Errorf("encode calibration: %w", err)
	}
	if c.Plot != "" {
		title := fmt.Sprintf("%s on %s", m.ID, fitted.Set)
		if err := outfile.Write(c.Plot, func(w io.Writer) error { return evaluation.PlotDET(w, title, policy.Curves(m, pairs, fitted)) }); err != nil {
			return err
		}
	}
	if c.JSON {
		fmt.Fprintf(out, "%s\n", text)
	} else if err := printCalibration(out, fitted); err != nil {
		return err
	}
	if c.Out == "" {
		return nil
	}
	if _, err := policy.ReadCalibration(strings.NewReader(string(text))); err != nil {
		return fmt.Errorf("%s is not written: %w", c.Out, err)
	}
	return outfile.Write(c.Out, func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err })
}

func printCalibration(out io.Writer, c policy.Calibration) error {
	fmt.Fprintf(out, "%s on %s: %d images (%d failed), %d mated and %d non-mated pairs\n", c.Model, c.Set, c.Images, c.Failed, c.Mated, c.NonMate)
	fmt.Fprintf(out, "EER %.2f %% (%.2f to %.2f, resampling images)\n\n", 100*c.EER, 100*c.EERSpan.Low, 100*c.EERSpan.High)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FMR wanted\tlimit\tFMR measured (95 %)\tby image\tFNMR (95 %)\tby image\t")
	for _, p := range c.Points {
		note := ""
		if !p.Supported {
			note = fmt.Sprintf("not used: needs %.0f non-mated pairs", math.Ceil(3/p.FMR))
		}
		fmt.Fprintf(t, "%g %%\t%.4f\t%v\t%.2f to %.2f\t%v\t%.2f to %.2f\t%s\n", 100*p.FMR, p.Limit, p.Matches,
			100*p.MatchSpan.Low, 100*p.MatchSpan.High, p.NonMatch, 100*p.NonSpan.Low, 100*p.NonSpan.High, note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(c.Groups) == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nAt the same limits, by group (intervals of Clopper and Pearson, 95 %):")
	t = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "group\tmated\tnon-mated\tEER %\tFMR wanted\tFMR\tFNMR\t")
	for _, g := range c.Groups {
		for _, r := range g.At {
			fmt.Fprintf(t, "%s\t%d\t%d\t%.2f\t%g %%\t%v\t%v\t\n", g.Name, g.Mated, g.NonMate, 100*g.EER, 100*r.FMR, r.Matches, r.NonMatch)
		}
	}
	return t.Flush()
}
