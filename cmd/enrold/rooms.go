package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/chip"
	"github.com/enrold/enrold/internal/worker/finger"
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
}

func newRooms(configFile string, cfg config.Config, log *slog.Logger) (*rooms, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	r := &rooms{cfg: cfg, handles: map[string]*worker.Handle{}, changed: func() {}}
	for name := range workers {
		argv := []string{self, "worker", name, "--config", configFile}
		r.handles[name] = worker.NewHandle(name, argv, log, func(worker.State) { r.changed() })
	}
	r.chip = chip.NewClient(r.handles["chip"])
	r.vision = vision.NewClient(r.handles["vision"])
	r.finger = finger.NewClient(r.handles["finger"])
	r.usb = usb.NewClient(r.handles["usb"])
	return r, nil
}

// run keeps every worker alive until ctx ends.
func (r *rooms) run(ctx context.Context, services *sync.WaitGroup) {
	for _, h := range r.handles {
		services.Go(func() { h.Run(ctx) })
	}
}

// Devices tells the screen how the workers are.
func (r *rooms) Devices(context.Context) ([]web.Device, error) {
	shown := []struct {
		worker, name string
		origin       eid.Origin
	}{
		{"chip", "chip", r.cfg.Chip.Origin},
		{"vision", "camera", r.cfg.Camera.Origin},
		{"finger", "scanner", r.cfg.Scanner.Origin},
		{"usb", "usb", eid.OriginDevice},
	}
	var out []web.Device
	for _, d := range shown {
		s := r.handles[d.worker].State()
		dev := web.Device{Name: d.name, State: "ready", Restarts: s.Restarts, Emulated: d.origin == eid.OriginEmulated}
		if !s.Up {
			dev.State, dev.Detail = "starting", s.LastExit
			if s.Restarts > 0 {
				dev.Code = eid.CodeDeviceRestarted
			}
		}
		out = append(out, dev)
	}
	return out, nil
}

// preview adapts the vision worker's frames to the screen.
type preview struct{ vision *vision.Client }

func (p preview) Preview(ctx context.Context, each func(jpeg []byte, guidance string) error) error {
	return p.vision.Preview(ctx, func(f vision.Frame) error { return each(f.JPEG, f.Guidance) })
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
			SealedBytes: r.SealedBytes, Receipt: r.Receipt, SyncMS: r.SyncMS, Code: r.Error, Reason: r.Reason,
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
