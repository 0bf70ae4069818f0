package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/station"
)

type keysSupervisorCmd struct {
	deskConfig
	ID string `arg:"" help:"The supervisor, as desk.supervisors names him."`
	officerPIN
}

// Run makes the key in the supervisor's token, or finds it there, and keeps its
// public half as the desk's word of who he is.
func (c *keysSupervisorCmd) Run(ctx context.Context, out io.Writer) error {
	return withSupervisors(ctx, c.Config, func(ctx context.Context, cfg config.Config, _ *keys.Desk, s *keys.Supervisors) error {
		if !slices.Contains(cfg.Desk.SupervisorIDs(), c.ID) {
			return fmt.Errorf("desk.supervisors does not name %q", c.ID)
		}
		by, err := c.supervisor(c.ID)
		if err != nil {
			return err
		}
		key, err := s.Create(ctx, by)
		if err != nil {
			return err
		}
		k := shownKey{Origin: key.Origin()}
		k.describe(key)
		_, err = fmt.Fprintf(out, "supervisor  %s: %s\nThe central takes it by `enrold enrol supervisor %s`.\n", c.ID, k.line(), c.ID)
		return err
	})
}

func (p officerPIN) supervisor(id string) (station.Supervisor, error) {
	pin, err := p.read()
	return station.Supervisor{ID: id, PIN: pin, LastTry: p.LastTry}, err
}

// withSupervisors opens a desk's keys and those of its supervisors for one command.
func withSupervisors(ctx context.Context, file string, use func(context.Context, config.Config, *keys.Desk, *keys.Supervisors) error) error {
	return withWorker(ctx, file, "supervisor", supervisorTokens, func(ctx context.Context, cfg config.Config, desk *keys.Desk, r *rooms) error {
		if r == nil {
			return use(ctx, cfg, desk, keys.NewSupervisors(cfg, nil, nil))
		}
		return use(ctx, cfg, desk, keys.NewSupervisors(cfg, r.supervisor, nil))
	})
}
