package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/demo"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// demoPaths says where the built programs and the fetched files are.
type demoPaths struct {
	Bin    string `help:"Folder of the programs." default:""`
	Photos string `help:"Folder of the labelled photographs." default:""`
	Models string `help:"Folder of the face models." default:""`
}

// fill takes the places of a checkout, relative to this binary.
func (p *demoPaths) fill() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own folder: %w", err)
	}
	bin := filepath.Dir(self)
	for dst, fallback := range map[*string]string{
		&p.Bin: bin, &p.Photos: filepath.Join(bin, "../build/photos"), &p.Models: filepath.Join(bin, "../build/models"),
	} {
		if *dst == "" {
			*dst = fallback
		}
		if *dst, err = filepath.Abs(*dst); err != nil {
			return fmt.Errorf("resolve folder: %w", err)
		}
		if _, err := os.Stat(*dst); err != nil {
			return fmt.Errorf("%w: run `make setup build` first", err)
		}
	}
	return nil
}

type demoCmd struct {
	Procedure    string `help:"Procedure of the visit." enum:"citizen,foreigner" default:"citizen"`
	Once         bool   `help:"Run one visit and end."`
	JSON         bool   `help:"Print the visit as one JSON object, the last line."`
	Impostor     bool   `help:"Another person sits at the camera."`
	WrongFinger  bool   `help:"The second impression comes from another finger."`
	TamperedChip bool   `help:"One byte of DG2 is changed."`
	Offline      bool   `help:"The central is down during the visit, then up."`
	Person       int    `help:"Which of the five synthetic persons comes first, 0 to 4." default:"0"`
	Keys         string `help:"Where the keys are: files, or emulated hardware (swtpm and SoftHSM)." enum:"software,hardware" default:"software"`
	Port         int    `help:"Port of the officer's screen; 0 for any free one." default:"0"`
	Dir          string `help:"Run folder, kept; without it a temporary one is used and removed."`
	demoPaths
}

func (c *demoCmd) Run(ctx context.Context) error {
	out := io.Writer(os.Stdout)
	if c.JSON {
		out = os.Stderr // standard output is for the JSON
	}
	if c.Person < 0 || c.Person >= persons.Count {
		return fmt.Errorf("--person %d: there are persons 0 to %d", c.Person, persons.Count-1)
	}
	if err := c.fill(); err != nil {
		return err
	}
	dir, remove, err := c.runDir()
	if err != nil {
		return err
	}
	defer remove()
	began := time.Now()
	say := func(text string) { fmt.Fprintf(out, "%6.2f s  %s\n", time.Since(began).Seconds(), text) }
	desk, err := demo.Start(ctx, demo.Options{
		Dir: dir, Bin: c.Bin, Photos: c.Photos, Models: c.Models, Port: c.Port,
		Procedure: eid.ProcedureKind(c.Procedure), Offline: c.Offline, Hardware: c.Keys == "hardware", Progress: say,
	})
	if err != nil {
		return err
	}
	defer desk.Stop()
	say("officer's screen: " + desk.URL)
	return c.visits(ctx, desk, out, say)
}

func (c *demoCmd) runDir() (string, func(), error) {
	if c.Dir != "" {
		dir, err := filepath.Abs(c.Dir)
		return dir, func() {}, err
	}
	dir, err := os.MkdirTemp("", "enrold-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make run folder: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// visits runs the visit that was asked for and then leaves the desk to the user.
func (c *demoCmd) visits(ctx context.Context, desk *demo.Desk, out io.Writer, say func(string)) error {
	persona := demo.Persona{Person: c.Person, Impostor: c.Impostor, WrongFinger: c.WrongFinger, TamperedChip: c.TamperedChip}
	ended := make(chan station.View, 8)
	err := desk.WithActor(ctx, func(v station.View) {
		select {
		case ended <- v:
		default:
		}
	}, func(ctx context.Context, actor *demo.Actor) error {
		if err := desk.Seat(actor, persona); err != nil {
			return err
		}
		say(desk.Greeting(persona))
		sum, err := desk.Visit(ctx, persona)
		if err != nil {
			return err
		}
		sum.Print(out)
		if c.JSON {
			if err := json.NewEncoder(os.Stdout).Encode(sum); err != nil {
				return fmt.Errorf("print summary: %w", err)
			}
		}
		if err := c.expected(sum); err != nil || c.Once {
			return err
		}
		<-ended // of the visit above
		return c.stay(ctx, desk, actor, ended, out)
	})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // Ctrl-C is how a demo ends
	}
	return err
}

// stay leaves the screen to the user: after each visit the next person sits down.
func (c *demoCmd) stay(ctx context.Context, desk *demo.Desk, actor *demo.Actor, ended <-chan station.View, out io.Writer) error {
	for i := c.Person + 1; ; i++ {
		next := demo.Persona{Person: i % persons.Count}
		if err := errors.Join(desk.Leave(), desk.Seat(actor, next)); err != nil {
			return err
		}
		fmt.Fprintf(out, "\nThe officer's screen is open at\n  %s\n%s\nCtrl-C ends the demo.\n", desk.URL, desk.Greeting(next))
		select {
		case v := <-ended:
			fmt.Fprintf(out, "visit %s: %s\n", v.ID, v.Step)
		case <-ctx.Done():
			fmt.Fprintln(out, "\nending the demo")
			return nil
		}
	}
}

// expected makes a demo that went another way than asked end with an error.
func (c *demoCmd) expected(sum demo.Summary) error {
	want := "granted"
	if c.Impostor || c.WrongFinger || c.TamperedChip {
		want = "refused"
	}
	if sum.Outcome != want {
		return fmt.Errorf("the visit ended %s, expected %s", sum.Outcome, want)
	}
	return nil
}
