package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/chip"
	"github.com/enrold/enrold/internal/worker/finger"
	"github.com/enrold/enrold/internal/worker/token"
	"github.com/enrold/enrold/internal/worker/usb"
	"github.com/enrold/enrold/internal/worker/vision"
	"github.com/enrold/enrold/queue"
)

// rooms are the daemon's worker processes and the typed clients over them.
type rooms struct {
	cfg     config.Config
	handles map[string]*worker.Handle
	changed func() // told when a worker starts or ends

	chip   *chip.Client
	vision *vision.Client
	finger *finger.Client
	usb    *usb.Client
	token  *token.Client // nil without an officer's token

	supervisor *token.SupervisorClient // nil without supervisors' tokens
}

func newRooms(configFile string, cfg config.Config, log *slog.Logger) (*rooms, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	r := &rooms{cfg: cfg, handles: map[string]*worker.Handle{}, changed: func() {}}
	for name := range workers {
		if name == "token" && cfg.Keys.Officer != config.KeyToken || name == "supervisor" && !supervisorTokens(cfg) {
			continue
		}
		argv := []string{self, "worker", name, "--config", configFile}
		r.handles[name] = worker.NewHandle(name, argv, log, func(worker.State) { r.changed() })
	}
	r.chip = chip.NewClient(r.handles["chip"])
	r.vision = vision.NewClient(r.handles["vision"])
	r.finger = finger.NewClient(r.handles["finger"])
	r.usb = usb.NewClient(r.handles["usb"])
	if h := r.handles["token"]; h != nil {
		r.token = token.NewClient(h)
	}
	if h := r.handles["supervisor"]; h != nil {
		r.supervisor = token.NewSupervisorClient(h)
	}
	return r, nil
}

// supervisorTokens says whether the supervisors of this desk sign by tokens: as
// its officer does.
func supervisorTokens(cfg config.Config) bool {
	return cfg.Keys.Officer == config.KeyToken && len(cfg.Desk.SupervisorIDs()) > 0
}

// run keeps every worker alive until ctx ends.
func (r *rooms) run(ctx context.Context, services *sync.WaitGroup) {
	for _, h := range r.handles {
		services.Go(func() { h.Run(ctx) })
	}
}

// probeWithin bounds what the device page waits for one worker.
const probeWithin = 300 * time.Millisecond

// shownRoom is a worker as the device page shows it.
type shownRoom struct {
	worker, name string
	origin       eid.Origin
	probe        func(context.Context, *web.Device) error
}

// Devices tells the screen how the workers and what they drive are.
func (r *rooms) Devices(ctx context.Context) ([]web.Device, error) {
	shown := []shownRoom{
		{"chip", "chip", r.cfg.Chip.Origin, r.probeChip},
		{"vision", "camera", r.cfg.Camera.Origin, r.probeVision},
		{"finger", "scanner", r.cfg.Scanner.Origin, r.probeFinger},
		{"usb", "usb", eid.OriginDevice, func(context.Context, *web.Device) error { return nil }},
	}
	if r.token != nil {
		shown = append(shown, shownRoom{"token", "token", eid.OriginDevice, r.probeToken})
	}
	out := make([]web.Device, len(shown))
	var probing sync.WaitGroup
	for i, d := range shown {
		s := r.handles[d.worker].State()
		dev := &out[i]
		*dev = web.Device{Name: d.name, State: "ready", Restarts: s.Restarts, Emulated: d.origin == eid.OriginEmulated}
		if !s.Up {
			dev.State, dev.Detail = "starting", s.LastExit
			if s.Restarts > 0 {
				dev.Code = eid.CodeDeviceRestarted
			}
			continue
		}
		probing.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, probeWithin)
			defer cancel()
			switch err := d.probe(ctx, dev); {
			case err == nil:
			case ctx.Err() != nil:
				dev.State = "starting"
			default:
				dev.State, dev.Code = "failed", eid.CodeOf(err)
			}
		})
	}
	probing.Wait()
	return out, nil
}

func (r *rooms) probeVision(ctx context.Context, d *web.Device) error {
	info, err := r.vision.Info(ctx)
	d.Detail = info.Model
	if info.Warning != "" { // it works, yet the officer must know what decides
		d.Code = info.Warning
	}
	return err
}

func (r *rooms) probeFinger(ctx context.Context, d *web.Device) error {
	info, err := r.finger.Info(ctx)
	d.Detail = info.Device
	if info.Failure != "" && !info.Busy {
		d.State, d.Code = "failed", info.Failure
	}
	return err
}

// probeToken fails only where no PIN can help: a locked token is ready for its PIN.
func (r *rooms) probeToken(ctx context.Context, d *web.Device) error {
	s, err := r.token.State(ctx)
	d.Detail = strings.TrimSpace(s.Manufacturer + " " + s.Model)
	if err == nil && s.PIN == token.PINLocked {
		d.State, d.Code = "failed", eid.CodePINLocked
	}
	return err
}

// preview adapts the vision worker's frames to the screen.
type preview struct{ vision *vision.Client }

func (p preview) Preview(ctx context.Context, each func(jpeg []byte, guidance string) error) error {
	return p.vision.Preview(ctx, func(f vision.Frame) error { return each(f.JPEG, f.Guidance) })
}

// UseProfile implements web.Profiler.
func (p preview) UseProfile(ctx context.Context, id string) (string, error) {
	return p.vision.UseProfile(ctx, id)
}

// Profiles implements web.Profiler.
func (p preview) Profiles() []web.CaptureProfile {
	profiles, err := quality.Profiles()
	if err != nil {
		return nil // data of the program itself, which a test reads
	}
	out := make([]web.CaptureProfile, len(profiles))
	for i, f := range profiles {
		out[i] = web.CaptureProfile{ID: f.ID, LabelVI: f.LabelVI, LabelEN: f.LabelEN, WhyVI: f.WhyVI, WhyEN: f.WhyEN}
	}
	return out
}

// queueList adapts the queue's rows to the screen.
type queueList struct{ q *queue.Queue }

func (l queueList) List(ctx context.Context, limit int) ([]web.QueueRow, error) {
	rows, err := l.q.List(ctx, limit)
	if err != nil {
		return nil, err
	}
	out := make([]web.QueueRow, len(rows))
	for i, r := range rows {
		out[i] = web.QueueRow{
			Seq: r.Seq, ID: r.ID, State: string(r.State), QueuedAt: r.QueuedAt, DueAt: r.DueAt, Attempts: r.Attempts,
			SealedBytes: r.SealedBytes, Offset: r.Offset, Damaged: r.Damaged, Receipt: r.Receipt, SyncMS: r.SyncMS, Code: r.Error, Reason: r.Reason,
		}
		if r.State == queue.Rejected {
			out[i].Code = eid.CodeRejected
		}
	}
	return out, nil
}

// consents gives the screen the text in force today.
type consents struct{ rules *procedure.Registry }

func (c consents) ConsentText(kind eid.ProcedureKind, language string) (web.ConsentText, error) {
	rules, err := c.rules.Active(kind, procedure.Day(time.Now()))
	if err != nil {
		return web.ConsentText{}, err
	}
	text, err := rules.ConsentText(language)
	if err != nil {
		return web.ConsentText{}, err
	}
	return web.ConsentText{Version: text.Version, Language: text.Language, Text: text.Text, Citation: rules.Consent.Article}, nil
}
