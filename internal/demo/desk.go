// Package demo starts a whole emulated desk on this machine, its central
// included, and acts as the emulated person: the devices are separate programs
// behind real transports, the daemon and the central are the real ones.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
)

// Options of an emulated desk.
type Options struct {
	Dir       string // run folder; made when missing; sockets live there, so keep it short
	Bin       string // folder of enrold, central and the emulators
	Photos    string // labelled photographs
	Models    string // face models
	Engine    string // which of them decides; empty for the best
	Procedure eid.ProcedureKind
	Port      int  // of the officer's screen; 0 for any free one
	Offline   bool // the central is down until StartCentral
	Hardware  bool // the keys are in an emulated TPM (swtpm) and an emulated token (SoftHSM)
	// OfficerCMS has the officer's token, of Hardware, make a CMS signature besides.
	OfficerCMS bool
	Progress   func(text string)
}

// Desk is a running emulated desk.
type Desk struct {
	opts        Options
	cfg         config.Config
	centralAddr string

	mu       sync.Mutex
	programs map[string]*program
	Screen   *Screen // the officer's hands
	URL      string  // the screen's address with its token

	Ready    time.Duration // from the daemon's start to its screen being served
	ReadyRSS int64         // the daemon's resident memory at that moment, bytes
}

const deskID = "demo-desk-1"

// Start brings the desk up: keys, emulated devices, central, daemon.
func Start(ctx context.Context, opts Options) (*Desk, error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	d := &Desk{opts: opts, programs: map[string]*program{}}
	if err := d.start(ctx); err != nil {
		d.Stop()
		return nil, err
	}
	return d, nil
}

func (d *Desk) start(ctx context.Context) error {
	if err := os.MkdirAll(d.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	addr, err := freeAddress(0)
	if err != nil {
		return err
	}
	d.centralAddr = addr
	if err := d.prepare(ctx); err != nil {
		return err
	}
	d.opts.Progress("starting emulated card (pcscd, vpcd), camera, scanner and central")
	if err := d.devices(ctx); err != nil {
		return err
	}
	d.opts.Progress("starting the daemon")
	if err := d.StartDaemon(ctx); err != nil {
		return err
	}
	d.opts.Progress(fmt.Sprintf("daemon ready after %d ms; its workers load their libraries and models", d.Ready.Milliseconds()))
	return d.awaitDevices(ctx)
}

// awaitDevices waits until every device is ready, as an officer does in the
// morning: the first person's time does not pay for the start.
func (d *Desk) awaitDevices(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadWithin)
	defer cancel()
	for {
		devices, err := d.Screen.Devices(ctx)
		if err != nil {
			return fmt.Errorf("wait for the devices: %w", err)
		}
		i := slices.IndexFunc(devices, func(dev web.Device) bool { return dev.State != "ready" })
		if i < 0 {
			return d.unlock(ctx)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("device %s is %s %s: %w", devices[i].Name, devices[i].State, devices[i].Code, ctx.Err())
		}
	}
}

// unlock enters the PIN of the officer's token: so begins a shift.
func (d *Desk) unlock(ctx context.Context) error {
	if !d.opts.Hardware {
		return nil
	}
	return d.Screen.Unlock(ctx, tokenPIN)
}

func (d *Desk) configFile() string { return filepath.Join(d.opts.Dir, "desk.toml") }

// devices starts the emulators and, unless offline, the central, side by side.
func (d *Desk) devices(ctx context.Context) error {
	run := []string{"--run-dir", d.opts.Dir, "--exit-on-eof"}
	photos := []string{"--photos", d.opts.Photos}
	starts := []func() error{
		func() error { return d.launch(ctx, "emu-card", append(run, photos...)...) },
		func() error { return d.launch(ctx, "emu-camera", append(run, photos...)...) },
		func() error { return d.launch(ctx, "emu-scanner", append(run, "--profile", d.cfg.Scanner.Profile)...) },
	}
	if !d.opts.Offline {
		starts = append(starts, func() error { return d.StartCentral(ctx) })
	}
	errs := make([]error, len(starts))
	var all sync.WaitGroup
	for i, start := range starts {
		all.Go(func() { errs[i] = start() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// StartCentral starts the central on its fixed port.
func (d *Desk) StartCentral(ctx context.Context) error {
	return d.launch(ctx, "central", "serve", "--listen", d.centralAddr, "--data", filepath.Join(d.opts.Dir, "central"),
		"--accept-emulated", "--population", "emulated", "--photos", d.opts.Photos, "--models", d.opts.Models, "--exit-on-eof")
}

// StartDaemon starts (or starts again) the daemon and connects the officer's hands.
func (d *Desk) StartDaemon(ctx context.Context) error {
	began := time.Now()
	if err := d.launch(ctx, "enrold", "run", "--config", d.configFile(), "--exit-on-eof"); err != nil {
		return err
	}
	d.Ready = time.Since(began)
	d.ReadyRSS = residentMemory(d.Daemon())
	url, err := os.ReadFile(filepath.Join(d.cfg.Desk.Data, "screen.url"))
	if err != nil {
		return fmt.Errorf("read the screen's address: %w", err)
	}
	d.URL = strings.TrimSpace(string(url))
	screen, err := newScreen(d.URL)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.Screen = screen
	d.mu.Unlock()
	return nil
}

func (d *Desk) screen() *Screen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Screen
}

// KillDaemon ends the daemon as a power switch would.
func (d *Desk) KillDaemon() { d.take("enrold").kill() }

// KillCentral does the same to the central.
func (d *Desk) KillCentral() { d.take("central").kill() }

// Daemon returns the daemon's process id.
func (d *Desk) Daemon() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.programs["enrold"].cmd.Process.Pid
}

func (d *Desk) launch(ctx context.Context, name string, args ...string) error {
	argv := append([]string{filepath.Join(d.opts.Bin, name)}, args...)
	if name == "enrold" && d.opts.Hardware { // where SoftHSM looks for its tokens
		argv = append([]string{"/usr/bin/env", softtoken.Env + "=" + softtoken.Config(d.tokenDir())}, argv...)
	}
	p, _, err := launch(ctx, d.opts.Dir, name, argv...)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.programs[name] = p
	d.mu.Unlock()
	return nil
}

func (d *Desk) take(name string) *program {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.programs[name]
	delete(d.programs, name)
	return p
}

// Stop ends everything, the daemon first.
func (d *Desk) Stop() {
	for _, name := range []string{"enrold", "central", "emu-card", "emu-scanner", "emu-camera", "emu-tpm"} {
		if p := d.take(name); p != nil {
			p.stop()
		}
	}
}

// Person lets the emulated person act on one device: "card", "camera", "scanner".
func (d *Desk) Person(device string, c control.Command) error {
	if err := control.Send(filepath.Join(d.opts.Dir, device+".sock"), c); err != nil {
		return fmt.Errorf("%s %s: %w", device, c.Do, err)
	}
	return nil
}

// residentMemory returns VmRSS of a process in bytes, 0 if it cannot be read.
func residentMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kb int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kb); err != nil {
		return 0
	}
	return kb << 10
}
