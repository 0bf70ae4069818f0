package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/internal/population"
	"github.com/enrold/enrold/internal/simulator"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
)

const shutdownWithin = 3 * time.Second

type serveCommand struct {
	stores
	Listen         string `default:"127.0.0.1:0" help:"Address to listen on; port 0 takes a free one."`
	AcceptEmulated bool   `help:"Accept emulated devices and software device keys."`
	Population     string `required:"" enum:"emulated,none" help:"Whose records decide: those of the emulated persons, or nobody's (all are granted)."`
	Databases      string `type:"existingfile" help:"How the simulated deciding databases behave (TOML, see package simulator)."`
	Parallel       int    `default:"4" help:"Decisions at the same time."`
	Photos         string `type:"path" default:"build/photos" help:"Photographs of the emulated population."`
	Models         string `type:"path" default:"build/models" help:"Face recognition models."`
	OSIA           bool   `name:"osia" help:"Serve OSIA Enrollment 1.3.0 under /osia, too."`
	ExitOnEOF      bool   `name:"exit-on-eof" help:"End when standard input ends."`
}

// decider puts the simulated databases, when they are configured, in front of
// the population. People is nil where nobody's records decide.
func (c serveCommand) decider() (d intake.Decider, people *population.Population, err error) {
	if c.Population == "emulated" {
		if people, err = population.New(c.Photos, c.Models); err != nil {
			return nil, nil, err
		}
		d = people
	}
	if c.Databases == "" && d != nil {
		return d, people, nil
	}
	var conf simulator.Config
	if c.Databases != "" {
		if conf, err = simulator.Load(c.Databases); err != nil {
			return nil, nil, err
		}
	}
	s, err := simulator.New(conf, d)
	return s, people, err
}

// Run serves until ctx ends. It prints "ready https://ADDRESS" once it listens;
// requests that come before the models are loaded are received and decided after.
func (c serveCommand) Run(ctx context.Context) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if c.ExitOnEOF {
		go func() { // ends with the process: a read of stdin cannot be interrupted
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	conf, err := authority.Files(c.keys()).ServerTLS()
	if err != nil {
		return err
	}
	decider, people, err := c.decider()
	if err != nil {
		return err
	}
	if people != nil {
		defer people.Close()
	}
	o := intake.Options{Decider: decider, Parallel: c.Parallel, AcceptEmulated: c.AcceptEmulated, Log: log}
	receipt, err := c.useKeys(&o)
	if err != nil {
		return err
	}
	closing, err := c.use(ctx, &o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closing()) }()
	in, err := intake.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	handler, err := withPublished(c.folder, in, log)
	if err != nil {
		return err
	}
	if c.OSIA {
		if handler, err = withOSIA(handler, c.folder, in, &receipt.PublicKey, log); err != nil {
			return err
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, // long polls end with us
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	g, working := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(tls.NewListener(listener, conf)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	g.Go(func() error { return in.Run(working) })
	if people != nil {
		g.Go(func() error { return people.Load(working, log) })
	}
	g.Go(func() error {
		<-working.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWithin)
		defer cancel()
		if server.Shutdown(last) != nil {
			return server.Close()
		}
		return nil
	})
	fmt.Printf("ready https://%s\n", listener.Addr())
	return g.Wait()
}
