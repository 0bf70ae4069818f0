package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/enrold/enrold/hw/inventory"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/hw/video/v4l2"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
)

type devicesCmd struct {
	Config string `help:"Configuration file of the desk: also shows the scanner and the camera that it names." type:"existingfile"`
	JSON   bool   `help:"Print one JSON array."`
	Udev   bool   `help:"Print udev rules for the devices that the profiles know, and nothing else."`
}

// Run lists devices through workers of its own, which end with it. A worker
// that fails is a row of the list.
func (c *devicesCmd) Run(ctx context.Context, log *slog.Logger) (err error) {
	set, err := profile.Load(profile.DropIn)
	if err != nil {
		return err
	}
	if c.Udev {
		return set.Udev(os.Stdout)
	}
	file := c.Config
	if file == "" {
		var remove func() error
		if file, remove, err = temporaryConfig(bareConfig()); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
	}
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	rooms, err := newRooms(file, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	delete(rooms.handles, "vision") // cameras are listed without opening them
	ctx, stop := context.WithCancel(ctx)
	var services sync.WaitGroup
	defer services.Wait()
	defer stop()
	rooms.run(ctx, &services)
	rows := inventory.Collect(ctx, rooms.sources(), set)
	if c.JSON {
		return inventory.PrintJSON(os.Stdout, rows)
	}
	return inventory.Print(os.Stdout, rows)
}

// sources asks the workers and the kernel.
func (r *rooms) sources() inventory.Sources {
	src := inventory.Sources{
		USB:    r.usb.List,
		Serial: func(context.Context) ([]serial.Info, error) { return serial.List() },
		Cameras: func(context.Context) ([]v4l2.Device, error) {
			return v4l2.List("/sys")
		},
		Readers: r.readers,
		Camera:  &inventory.Camera{Source: r.cfg.Camera.Source},
	}
	if r.cfg.Scanner.Port != "" {
		src.Scanner = r.scanner
	}
	return src
}

func (r *rooms) readers(ctx context.Context) ([]inventory.Reader, error) {
	found, err := r.chip.Readers(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]inventory.Reader, len(found))
	for i, f := range found {
		out[i] = inventory.Reader{Name: f.Name, State: f.State, Profile: f.Profile}
	}
	return out, nil
}

func (r *rooms) scanner(ctx context.Context) (inventory.Scanner, error) {
	info, err := r.finger.Info(ctx)
	if err != nil {
		return inventory.Scanner{}, err
	}
	s := inventory.Scanner{Port: info.Port, Profile: info.Profile}
	if info.Failure != "" {
		s.Err = eid.Fail(info.Failure, "ask scanner", errors.New(info.Reason))
	} else {
		s.State = fmt.Sprintf("ready, %s at %d baud", info.Device, info.Baud)
	}
	return s, nil
}

// bareConfig names no device, for a machine that has no configuration yet.
func bareConfig() config.Config {
	return config.Config{Desk: config.Desk{ID: "none", Role: config.CommunePolice, Listen: "127.0.0.1:0"}}
}

// temporaryConfig writes cfg for workers of one command. A desk without a data
// folder gets the file's.
func temporaryConfig(cfg config.Config) (file string, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "enrold-config-")
	if err != nil {
		return "", nil, fmt.Errorf("make temporary folder: %w", err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	if cfg.Desk.Data == "" {
		cfg.Desk.Data = dir
	}
	raw, err := config.Marshal(cfg)
	if err == nil {
		file = filepath.Join(dir, "desk.toml")
		err = os.WriteFile(file, raw, 0o600)
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("write temporary configuration: %w", err), remove())
	}
	return file, remove, nil
}
