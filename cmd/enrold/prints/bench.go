package prints

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"

	"github.com/enrold/enrold/cmd/enrold/outfile"
	"github.com/enrold/enrold/match/evaluation"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/simd"
)

// Bench is `bench finger`: error rates (ISO/IEC 19795-1) and times on sets of prints.
type Bench struct {
	Dir     string `arg:"" type:"existingdir" help:"Folder of sets, or one set: images named FINGER_IMPRESSION.tif (or another image format), a file dpi with the resolution if it is not 500."`
	JSON    bool   `help:"Print JSON."`
	Threads int    `default:"1" help:"Threads for extraction and comparison. Speeds are those of one, by its processor time."`
	Gallery int    `default:"20000" help:"Templates in the gallery that the 1:N speed is measured on."`
	Scores  string `type:"path" help:"Write every score to this CSV file."`
	Plot    string `type:"path" help:"Write the DET curves to this SVG file."`
}

// setFigures are the figures of one set, or their mean. Rates are 0..1.
type setFigures struct {
	Set         string  `json:"set"`
	Impressions int     `json:"impressions"`
	Failures    int     `json:"failures_to_extract"`
	Minutiae    float64 `json:"minutiae"` // mean
	Genuine     int     `json:"genuine_pairs"`
	Impostor    int     `json:"impostor_pairs"`
	EER         float64 `json:"eer"`
	FMR100      float64 `json:"fmr100"`
	FMR1000     float64 `json:"fmr1000"`
	ZeroFMR     float64 `json:"zero_fmr"`
	EERAt       float64 `json:"eer_threshold"`
	FMR1000At   float64 `json:"fmr1000_threshold"`
	Extraction  float64 `json:"extraction_ms"`       // processor time, mean
	Verify      float64 `json:"matches_per_second"`  // 1:1, one thread, by processor time
	Identify    float64 `json:"searched_per_second"` // 1:N, templates, one thread, by processor time
}

type report struct {
	Engine  string         `json:"engine"`
	SIMD    string         `json:"simd"`
	Threads int            `json:"threads"`
	Gallery int            `json:"gallery"`
	Sets    []setFigures   `json:"sets"`
	Mean    setFigures     `json:"mean"`
	Reject  []rejectFigure `json:"error_versus_reject"`
}

// Run measures each set by itself and writes their mean beside them.
func (c *Bench) Run(ctx context.Context, out io.Writer) error {
	level, err := simd.Current()
	if err != nil {
		return err
	}
	sets, err := findSets(c.Dir)
	if err != nil {
		return err
	}
	report := report{Engine: finger.Engine, SIMD: level.String(), Threads: c.Threads, Gallery: c.Gallery}
	var curves []evaluation.Named
	var scores []scored
	var mated []evaluation.Mated
	for _, s := range sets {
		fmt.Fprintf(os.Stderr, "bench: %s, %d images\n", s.name, len(s.files))
		run := trialRun{set: s, threads: c.Threads, level: level}
		if err := run.extract(ctx); err != nil {
			return err
		}
		if err := run.compare(ctx); err != nil {
			return err
		}
		if err := run.identify(ctx, c.Gallery); err != nil {
			return err
		}
		figures, curve := run.figures()
		report.Sets = append(report.Sets, figures)
		curves = append(curves, evaluation.Named{Name: fmt.Sprintf("%s (EER %.2f %%)", s.name, 100*figures.EER), Curve: curve})
		scores = append(scores, run.scores...)
		mated = append(mated, run.mated()...)
	}
	report.Reject = errorVersusReject(mated)
	report.Mean = mean(report.Sets)
	if c.Scores != "" {
		if err := outfile.Write(c.Scores, func(w io.Writer) error { return writeScores(w, scores) }); err != nil {
			return err
		}
	}
	if c.Plot != "" {
		title := fmt.Sprintf("%s, mean EER %.2f %%", finger.Engine, 100*report.Mean.EER)
		if err := outfile.Write(c.Plot, func(w io.Writer) error { return evaluation.PlotDET(w, title, curves) }); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(out).Encode(report)
	}
	return report.print(out)
}

// mean of the sets, each counting alike; counts are summed, thresholds differ
// from set to set and have none.
func mean(sets []setFigures) setFigures {
	m := setFigures{Set: "mean"}
	n := float64(len(sets))
	for _, s := range sets {
		m.Impressions += s.Impressions
		m.Failures += s.Failures
		m.Genuine += s.Genuine
		m.Impostor += s.Impostor
		for _, f := range [][2]*float64{
			{&m.Minutiae, &s.Minutiae},
			{&m.EER, &s.EER},
			{&m.FMR100, &s.FMR100},
			{&m.FMR1000, &s.FMR1000},
			{&m.ZeroFMR, &s.ZeroFMR},
			{&m.Extraction, &s.Extraction},
			{&m.Verify, &s.Verify},
			{&m.Identify, &s.Identify},
		} {
			*f[0] += *f[1] / n
		}
	}
	return m
}

func (r *report) print(w io.Writer) error {
	fmt.Fprintf(w, "engine %s, SIMD %s, %s, %d threads, 1:N among %d\n", r.Engine, r.SIMD, runtime.GOARCH, r.Threads, r.Gallery)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "set\timages\tfailed\tminutiae\tEER %\tFMR100 %\tFMR1000 %\tZeroFMR %\textract ms\t1:1 /s\t1:N /s\t")
	for _, f := range append(r.Sets, r.Mean) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%.0f\t%.0f\t\n", f.Set, f.Impressions, f.Failures, f.Minutiae,
			100*f.EER, 100*f.FMR100, 100*f.FMR1000, 100*f.ZeroFMR, f.Extraction, f.Verify, f.Identify)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printReject(w, r.Reject)
	return nil
}
