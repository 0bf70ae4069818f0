package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/enrold/enrold/cmd/enrold/faces"
	"github.com/enrold/enrold/cmd/enrold/prints"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/demo"
	"github.com/enrold/enrold/internal/eid"
)

type benchCmd struct {
	Visit   benchVisitCmd      `cmd:"" help:"Whole visits on the emulated desk, and the daemon's start."`
	Finger  prints.Bench       `cmd:"" help:"Errors and speed of the fingerprint engine on sets in the FVC naming."`
	Chip    benchChipCmd       `cmd:"" help:"Readings of emulated cards through pcscd: APDUs, bytes, times."`
	Queue   benchQueueCmd      `cmd:"" help:"Durable requests a second beside the disk's own limit, and the start with many queued."`
	Face    faces.Bench        `cmd:"" help:"Errors and speed of a face engine on labelled photographs."`
	Gallery faces.BenchGallery `cmd:"" help:"Searches among many face templates: speed of each kernel beside reading alone and FAISS."`
}

type benchVisitCmd struct {
	Starts int  `help:"How often the daemon is started." default:"5"`
	Visits int  `help:"How many visits are run after each start." default:"4"`
	JSON   bool `help:"Print the figures as JSON."`
	demoPaths
}

// series is one measured figure over all runs.
type series struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Limit  float64 `json:"limit,omitempty"`
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`

	values []float64
}

func (s *series) close() {
	if len(s.values) == 0 {
		return
	}
	slices.Sort(s.values)
	s.N, s.Min, s.Max, s.Median = len(s.values), s.values[0], s.values[len(s.values)-1], s.values[len(s.values)/2]
}

// visitSteps are the timings of a visit in their order.
var visitSteps = []string{"chip", "face", "finger", "sign_seal_queue", "sync", "machine_total"}

func (c *benchVisitCmd) Run(ctx context.Context) error {
	if err := c.fill(); err != nil {
		return err
	}
	ready := &series{Name: "daemon_ready", Unit: "ms", Limit: 1000}
	memory := &series{Name: "daemon_rss_at_ready", Unit: "MB", Limit: 150}
	all := []*series{ready, memory}
	byStep := map[string]*series{}
	for _, name := range visitSteps {
		byStep[name] = &series{Name: name, Unit: "ms"}
		all = append(all, byStep[name])
	}
	byStep["machine_total"].Limit = 3000
	for i := range c.Starts {
		fmt.Fprintf(os.Stderr, "bench: start %d of %d\n", i+1, c.Starts)
		if err := c.once(ctx, ready, memory, byStep); err != nil {
			return err
		}
	}
	for _, s := range all {
		s.close()
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	printSeries(os.Stdout, all)
	return nil
}

func (c *benchVisitCmd) once(ctx context.Context, ready, memory *series, byStep map[string]*series) error {
	dir, err := os.MkdirTemp("", "enrold-bench-")
	if err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	defer os.RemoveAll(dir)
	desk, err := demo.Start(ctx, demo.Options{Dir: dir, Bin: c.Bin, Photos: c.Photos, Models: c.Models, Procedure: eid.CitizenLevel2})
	if err != nil {
		return err
	}
	defer desk.Stop()
	ready.values = append(ready.values, float64(desk.Ready.Milliseconds()))
	memory.values = append(memory.values, float64(desk.ReadyRSS)/1e6)
	return desk.WithActor(ctx, nil, func(ctx context.Context, actor *demo.Actor) error {
		for i := range c.Visits {
			p := demo.Persona{Person: i % persons.Count}
			if err := desk.Seat(actor, p); err != nil {
				return err
			}
			sum, err := desk.Visit(ctx, p)
			if err != nil {
				return err
			}
			if sum.Outcome != "granted" {
				return fmt.Errorf("visit of person %d ended %s", p.Person, sum.Outcome)
			}
			for name, s := range byStep {
				s.values = append(s.values, float64(sum.TimingsMS[name]))
			}
		}
		return nil
	})
}

func printSeries(w io.Writer, all []*series) {
	fmt.Fprintf(w, "%-22s %-4s %9s %9s %9s %4s  %s\n", "figure", "unit", "min", "median", "max", "n", "median / limit")
	for _, s := range all {
		ratio := ""
		if s.Limit > 0 {
			ratio = fmt.Sprintf("%.2f of %g", s.Median/s.Limit, s.Limit)
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-22s %-4s %9.1f %9.1f %9.1f %4d  %s", s.Name, s.Unit, s.Min, s.Median, s.Max, s.N, ratio), " "))
	}
}
