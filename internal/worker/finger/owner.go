package finger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	driver "github.com/enrold/enrold/capture/finger"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
)

// scanner is what a driver gives.
type scanner interface {
	Capture(ctx context.Context, prompt func(code string) error) (eid.FingerSample, error)
	Device() string
	Baud() int
}

// open starts a driver on a port.
type open func(ctx context.Context, port *serial.Port, p profile.Profile, log *slog.Logger) (scanner, error)

// drivers is every scanner driver, by the name that profiles use.
var drivers = map[string]open{
	"zfm": func(ctx context.Context, port *serial.Port, p profile.Profile, log *slog.Logger) (scanner, error) {
		return driver.Open(ctx, port, p, driver.DefaultLimits, log)
	},
}

// patience is how long a call waits for the one before it to end: a cancelled
// capture needs a moment to let go of the device.
const patience = time.Second

type job struct {
	ctx  context.Context
	work func(context.Context, scanner) error
	done chan error // buffered, one
}

// owner runs the one goroutine that touches the scanner.
type owner struct {
	cfg    config.Scanner
	set    *profile.Set
	log    *slog.Logger
	jobs   chan job
	ended  chan struct{}
	cancel context.CancelFunc

	// The goroutine's own.
	port    *serial.Port
	scanner scanner
}

func newOwner(cfg config.Scanner, set *profile.Set, log *slog.Logger) *owner {
	ctx, cancel := context.WithCancel(context.Background())
	o := &owner{cfg: cfg, set: set, log: log, jobs: make(chan job), ended: make(chan struct{}), cancel: cancel}
	go o.run(ctx)
	return o
}

// close ends the goroutine and waits for it; a capture under way ends first.
func (o *owner) close() error {
	o.cancel()
	<-o.ended
	return nil
}

func (o *owner) run(ctx context.Context) {
	defer close(o.ended)
	defer o.release()
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-o.jobs:
			jobCtx, stop := context.WithCancel(j.ctx)
			unhook := context.AfterFunc(ctx, stop)
			j.done <- o.serve(jobCtx, j.work) //nolint:contextcheck // the call's own, which ends with ctx, too
			unhook()
			stop()
		}
	}
}

// do runs work on the open scanner. It returns eid.CodeDeviceBusy when another
// call keeps the device.
func (o *owner) do(ctx context.Context, work func(context.Context, scanner) error) error {
	j := job{ctx: ctx, work: work, done: make(chan error, 1)}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case o.jobs <- j:
		return <-j.done
	case <-wait.C:
		return eid.Fail(eid.CodeDeviceBusy, "use scanner", nil)
	case <-o.ended:
		return eid.Fail(eid.CodeDeviceRestarted, "use scanner", nil)
	case <-ctx.Done():
		return fmt.Errorf("use scanner: %w", ctx.Err())
	}
}

// serve opens the scanner if need be and runs work. After an error that is not
// the person's, the port is given up and opened afresh by the next call: a
// device in an unknown state, or gone, is found again that way.
func (o *owner) serve(ctx context.Context, work func(context.Context, scanner) error) error {
	err := o.acquire(ctx)
	if err == nil {
		err = work(ctx, o.scanner)
	}
	if err != nil && eid.CodeOf(err) != eid.CodeNoFinger {
		o.release()
	}
	return err
}

func (o *owner) acquire(ctx context.Context) error {
	if o.scanner != nil {
		return nil
	}
	const op = "open scanner"
	if o.cfg.Port == "" {
		return eid.Fail(eid.CodeNoScanner, op, errors.New("no port configured"))
	}
	p, err := o.set.Named(o.cfg.Profile)
	if err != nil {
		return eid.Fail(eid.CodeNoScanner, op, err)
	}
	start := drivers[p.Driver]
	if start == nil || p.Kind != profile.KindScanner {
		return eid.Fail(eid.CodeNoScanner, op, fmt.Errorf("profile %s: no scanner driver %q: %s", p.Name, p.Driver, p.Reason))
	}
	if o.port, err = serial.Open(o.cfg.Port, p.Serial.Bauds[0]); err != nil {
		return driver.Fail(op, err)
	}
	if o.scanner, err = start(ctx, o.port, p, o.log); err != nil {
		o.release()
		return err
	}
	o.log.Info("scanner opened", "profile", p.Name, "baud", o.scanner.Baud())
	return nil
}

func (o *owner) release() {
	o.scanner = nil
	if o.port == nil {
		return
	}
	if err := o.port.Close(); err != nil {
		o.log.Warn("scanner port not closed cleanly", "error", err.Error())
	}
	o.port = nil
}

// info opens the scanner if it is not open and says how it is.
func (o *owner) info(ctx context.Context) Info {
	in := Info{Port: o.cfg.Port, Profile: o.cfg.Profile}
	err := o.do(ctx, func(_ context.Context, s scanner) error {
		in.Device, in.Baud = s.Device(), s.Baud()
		return nil
	})
	if err != nil {
		in.Failure, in.Reason = eid.CodeOf(err), err.Error()
		in.Busy = in.Failure == eid.CodeDeviceBusy
	}
	return in
}
