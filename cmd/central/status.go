package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

const shownAtOnce = 100

type statusCommand struct {
	folder
}

// status is the one line of JSON that `central status` prints.
type status struct {
	States  map[wire.State]int `json:"states"`
	Missing []missing          `json:"missing"` // announced and not there, the nearest deadline first
	Alarms  []alarm            `json:"alarms"`  // the newest first
}

type missing struct {
	Desk      string    `json:"desk"`
	Request   string    `json:"request"`
	Bytes     int64     `json:"bytes"`
	Deadline  string    `json:"deadline"`
	Announced time.Time `json:"announced"`
}

type alarm struct {
	At     time.Time       `json:"at"`
	Desk   string          `json:"desk"`
	Code   vault.AlarmCode `json:"code"`
	Detail string          `json:"detail"`
}

// Run says how many requests are in which state, what is missing, and alarms.
func (c statusCommand) Run(ctx context.Context) (err error) {
	v, err := c.vault(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	s := status{Missing: []missing{}, Alarms: []alarm{}}
	if s.States, err = v.Counts(ctx); err != nil {
		return err
	}
	announced, err := v.Announced(ctx, shownAtOnce)
	if err != nil {
		return err
	}
	for _, a := range announced {
		s.Missing = append(s.Missing, missing{a.Desk, a.ID, a.Size, a.Deadline, a.At})
	}
	alarms, err := v.Alarms(ctx, shownAtOnce)
	if err != nil {
		return err
	}
	for _, a := range alarms {
		s.Alarms = append(s.Alarms, alarm{a.At, a.Desk, a.Code, a.Detail})
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// quiet is for what a command does on the way.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
