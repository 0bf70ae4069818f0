package main

import (
	"context"
	"crypto/hpke"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/exceptionrate"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

type runCmd struct {
	Config    string `required:"" help:"Configuration file of the desk." type:"existingfile"`
	ExitOnEOF bool   `name:"exit-on-eof" help:"End when standard input is closed."`
}

// Run is the daemon. When it cannot begin for a reason that somebody must look
// into, it stays to say so on the screen, and then ends with that error.
func (c *runCmd) Run(ctx context.Context, log *slog.Logger) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	// A core dump would hold the open visit.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if c.ExitOnEOF {
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop() }() // ends with the process
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Desk.Listen)
	if err != nil {
		return fmt.Errorf("listen for the screen: %w", err)
	}
	defer listener.Close()
	if err = c.serve(ctx, cfg, listener, log); halts(err) && ctx.Err() == nil {
		return errors.Join(err, serveHalted(ctx, listener, eid.CodeOf(err), log))
	}
	return err
}

// serve wires the desk and serves visits until ctx ends. Its C libraries are in
// the worker processes; this process only speaks with them.
func (c *runCmd) serve(ctx context.Context, cfg config.Config, listener net.Listener, log *slog.Logger) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	rooms, err := newRooms(c.Config, cfg, log)
	if err != nil {
		return err
	}
	own, err := openKeys(ctx, cfg, rooms)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	data, err := openCentralData(cfg, log)
	if err != nil {
		return err
	}
	q, err := openQueue(ctx, cfg, own, data, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()

	watch := openFaceWatch(cfg, own, rooms, q, log)
	defer func() { err = errors.Join(err, watch.close()) }()

	var services sync.WaitGroup
	defer services.Wait()
	defer stop()

	rate, err := exceptionrate.Open(cfg.Desk.Data)
	if err != nil { // no reason to send people away
		log.Error("exceptions are not counted", "error", err)
	}
	inside := newInterior(cfg, rooms)
	desk, rules, err := newDesk(cfg, rooms, own, inside, q, watch, rate, log)
	if err != nil {
		return err
	}
	if err := desk.Resume(ctx); err != nil {
		return fmt.Errorf("resume the open visit: %w", err)
	}
	up, err := newWay(ctx, cfg, own, q, log)
	if err != nil {
		return err
	}
	server, err := web.New(web.Options{
		Listen: listener.Addr().String(),
		Info: web.Info{
			Desk: cfg.Desk.ID, Role: string(cfg.Desk.Role), Officer: cfg.Desk.Officer, Version: version,
			Emulated: cfg.Chip.Origin == eid.OriginEmulated || cfg.Camera.Origin == eid.OriginEmulated || cfg.Scanner.Origin == eid.OriginEmulated,
		},
		Desk: signingDesk{desk, own}, Officer: own.screen(), Preview: preview{rooms.vision}, Queue: queueList{q},
		Devices: sealDevices{deskDevices{rooms, own}, data}, Consents: consents{rules}, Log: log,
		Overview: &overview{cfg: cfg, own: own, queue: q, rules: rules, data: data, way: up, rate: rate},
		Sessions: filepath.Join(cfg.Desk.Data, "screen.sessions"),
	})
	if err != nil {
		return err
	}
	rooms.changed = func() { server.Notify("devices") }
	services.Go(func() { rooms.watchReaders(ctx) })
	services.Go(func() {
		if err := up.Run(ctx); err != nil && ctx.Err() == nil {
			log.Error("uplink ended", "error", err)
		}
	})
	receipt, err := wire.LoadReceiptKey(cfg.Central.ReceiptKey)
	if err != nil {
		return err
	}
	services.Go(func() { watchInbox(ctx, cfg.Desk.Data, newSettle(cfg, receipt, data, q), log) })
	if data != nil {
		source, err := data.source(ctx, own)
		if err != nil {
			return err
		}
		services.Go(func() { data.run(ctx, source, rules) })
	}
	services.Go(func() { tellChanges(ctx, q, func() { server.Notify("queue") }) })
	services.Go(func() { endWhenStopped(ctx, q, stop) })
	services.Go(func() { watch.run(ctx, q) })

	address := filepath.Join(cfg.Desk.Data, "screen.url")
	if err := os.WriteFile(address, []byte(server.URL()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the screen's address: %w", err)
	}
	defer os.Remove(address) // the token in it ends with this process
	fmt.Printf("ready http://%s/\n", listener.Addr())
	// A failure is said where the digests are used.
	services.Go(func() { _, _ = inside.fixed() })
	rooms.run(ctx, &services) // after the screen: their libraries take a second to load
	return errors.Join(serve(ctx, listener, server), queueStopped(q))
}

// serve answers the screen until ctx ends.
func serve(ctx context.Context, l net.Listener, screen *web.Server) error {
	s := &http.Server{Handler: screen.Handler(), ReadHeaderTimeout: 5 * time.Second}
	stopping := context.AfterFunc(ctx, func() {
		screen.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
	})
	defer stopping()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the screen: %w", err)
	}
	return nil
}

func openQueue(ctx context.Context, cfg config.Config, own *ownKeys, data *centralData, log *slog.Logger) (*queue.Queue, error) {
	o := queue.Options{Dir: cfg.Desk.Data, DeskID: cfg.Desk.ID, Software: "enrold/" + version, Signers: own.signers, Log: log}
	if data != nil {
		o.SealKeys = data.sealKeys
	} else {
		seal, err := request.LoadSealKey(cfg.Central.SealKey)
		if err != nil {
			return nil, err
		}
		o.Recipients = []hpke.PublicKey{seal}
	}
	if own.Counter != nil { // a nil *tpm.Counter would be a counter
		o.Counter, o.DraftKey = own.Counter, own.Drafts
	}
	return queue.Open(ctx, o)
}

func newDesk(cfg config.Config, r *rooms, own *ownKeys, inside *interior, q *queue.Queue, watch faceWatch, rate *exceptionrate.Rate, log *slog.Logger) (*station.Desk, *procedure.Registry, error) {
	rules, err := procedure.Load()
	if err != nil {
		return nil, nil, err
	}
	desk, err := station.New(station.Options{
		Ports: station.Ports{Chip: r.chip, Camera: r.vision, Face: r.vision, Scanner: r.finger, Finger: r.finger, Queue: q, Journal: q.Journal()},
		Rules: rules, Role: string(cfg.Desk.Role), Officer: cfg.Desk.Officer, Supervisors: cfg.Desk.SupervisorIDs(),
		Approver: keys.NewSupervisors(cfg, r.supervisor, own.officerKey),
		Portrait: portraitRecord, Setting: inside.describe, Now: time.Now, Log: log,
		Last: func(ctx context.Context) (string, station.Queued, bool, error) {
			rows, err := q.List(ctx, 1)
			if err != nil || len(rows) == 0 {
				return "", station.Queued{}, false, err
			}
			r := rows[0]
			return r.ID, station.Queued{Seq: r.Seq, SealedBytes: r.SealedBytes, QueuedAt: r.QueuedAt}, true, nil
		},
		Seen: watch.seen(),
		Ended: func(o station.Outcome) {
			watch.ended(o)
			if rate != nil && o.End == station.StepDone {
				if err := rate.Count(o.At, o.Exceptions > 0); err != nil {
					log.Error("an exception is counted until the restart only", "error", err)
				}
			}
			log.Info("visit ended", "visit", o.VisitID, "procedure", o.Procedure, "end", o.End, "code", o.Code, "reached", o.Reached)
		},
	})
	return desk, rules, err
}

// tellChanges calls tell when queue rows changed.
func tellChanges(ctx context.Context, q *queue.Queue, tell func()) {
	changes, end := q.Changes()
	defer end()
	for {
		select {
		case <-changes:
			tell()
		case <-ctx.Done():
			return
		}
	}
}

func newUplink(ctx context.Context, cfg config.Config, own *ownKeys, q *queue.Queue, log *slog.Logger) (*uplink.Uplink, error) {
	tls, err := own.ClientTLS(ctx)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(cfg.Central.ReceiptKey)
	if err != nil {
		return nil, fmt.Errorf("load receipt key: %w", err)
	}
	receipt, err := request.ParsePublicKey(pem)
	if err != nil {
		return nil, fmt.Errorf("load receipt key: %w", err)
	}
	policy, err := syncPolicy(cfg.Sync)
	if err != nil {
		return nil, err
	}
	return uplink.New(uplink.Options{URL: cfg.Central.URL, TLS: tls, DeskID: cfg.Desk.ID, ReceiptKey: receipt, Queue: q, Policy: policy, Log: log})
}
