package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/facewatch"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/worker/vision"
	"github.com/enrold/enrold/queue/store"
)

type faceOfficerCmd struct {
	Images  []string `arg:"" optional:"" help:"Photographs (JPEG) of the one officer; they are not kept." type:"existingfile"`
	Config  string   `required:"" help:"Configuration file of the desk." type:"existingfile"`
	Officer string   `help:"Who it is; default: desk.officer of the configuration."`
	Forget  bool     `help:"Forget the faces of all officers first."`
}

// Run keeps an officer's template at his desk, so that a visit in which he sits
// before the camera himself is warned of. The daemon must not run.
func (c *faceOfficerCmd) Run(ctx context.Context, log *slog.Logger) (err error) {
	if len(c.Images) == 0 && !c.Forget {
		return errors.New("face officer: give photographs, or --forget")
	}
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	var d vision.Description
	if len(c.Images) > 0 {
		if d, err = c.describe(cfg); err != nil {
			return err
		}
	}
	lock, err := store.Lock(cfg.Desk.Data)
	if err != nil {
		return fmt.Errorf("face officer: end the daemon first: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	desk, err := keys.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	w, err := facewatch.Open(facewatch.Options{Dir: cfg.Desk.Data, Key: faceKey(cfg, desk), Now: time.Now, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if c.Forget {
		if err := w.ForgetOfficers(); err != nil {
			return err
		}
	}
	if len(c.Images) == 0 {
		return nil
	}
	officer := c.Officer
	if officer == "" {
		officer = cfg.Desk.Officer
	}
	return w.AddOfficer(officer, facewatch.Description(d))
}

func (c *faceOfficerCmd) describe(cfg config.Config) (vision.Description, error) {
	images := make([]eid.Blob, len(c.Images))
	for i, path := range c.Images {
		data, err := os.ReadFile(path)
		if err != nil {
			return vision.Description{}, fmt.Errorf("read photograph: %w", err)
		}
		images[i] = data
	}
	return vision.DescribeImages(cfg, images)
}
