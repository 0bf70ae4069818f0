package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/chip"
	"github.com/enrold/enrold/internal/worker/finger"
	"github.com/enrold/enrold/internal/worker/token"
	"github.com/enrold/enrold/internal/worker/usb"
	"github.com/enrold/enrold/internal/worker/vision"
)

// workers are the rooms of C libraries and devices, each a process of its own.
var workers = map[string]func(config.Config, *slog.Logger) (map[string]worker.Handler, func() error, error){
	"chip":   chip.Handlers,
	"vision": vision.Handlers,
	"finger": finger.Handlers,
	"usb":    usb.Handlers,
	"token":  token.Handlers,

	"supervisor": token.SupervisorHandlers,
}

type workerCmd struct {
	Name   string `arg:"" enum:"chip,vision,finger,usb,token,supervisor" help:"Which worker."`
	Config string `required:"" help:"Configuration file of the desk." type:"existingfile"`
}

func (c *workerCmd) Run(ctx context.Context, log *slog.Logger) error {
	log = log.With("worker", c.Name)
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	if worker.SandboxSupported() {
		if err := worker.Harden(c.Name == "vision" && cfg.Camera.Network); err != nil {
			return err
		}
	} else {
		log.Warn("this kernel cannot take network rights from the worker")
	}
	handlers, closeAll, err := workers[c.Name](cfg, log)
	if err != nil {
		return fmt.Errorf("prepare worker %s: %w", c.Name, err)
	}
	return errors.Join(worker.Child(ctx, handlers), closeAll())
}
