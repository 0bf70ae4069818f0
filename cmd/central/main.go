// Command central is the reference central: it makes its keys, registers desks,
// takes their requests and decides them, for demonstrations, tests and pilots.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/enrold/enrold/sync/intake/authority"
)

type commands struct {
	Init      initCommand    `cmd:"" help:"Make the central's keys and folder."`
	EnrolDesk enrolCommand   `cmd:"" help:"Register a desk and write the files it needs."`
	Serve     serveCommand   `cmd:"" help:"Take and decide requests."`
	Import    importCommand  `cmd:"" help:"Take the requests of a USB stick and write the answers to it."`
	Root      rootCommand    `cmd:"" help:"Make and use the offline root key."`
	Publish   publishCommand `cmd:"" help:"Publish what the root has signed."`
	Desk      deskCommand    `cmd:"" help:"Desks: requests, approval, renewal, revocation."`
	Officer   officerCommand `cmd:"" help:"Officers' keys: approval, revocation."`
	SealKey   sealKeyCommand `cmd:"" help:"Keys that requests are sealed to."`
	Status    statusCommand  `cmd:"" help:"Requests by state, what is announced and missing, alarms."`
}

type initCommand struct {
	folder
	Host []string `default:"localhost,127.0.0.1,::1" help:"Names and addresses in the server's certificate."`
}

func (c initCommand) Run(ctx context.Context) error {
	made, err := authority.Exists(c.keys())
	if err != nil {
		return err
	}
	if made {
		fmt.Println("keys exist already in", c.keys())
	} else if err := authority.Create(c.keys(), c.Host); err != nil {
		return err
	}
	registry, err := c.registry(ctx)
	if err != nil {
		return err
	}
	return registry.Close()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	var c commands
	k := kong.Parse(&c, kong.Name("central"), kong.Description("Reference central of enrold."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.UsageOnError())
	err := k.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "central:", err)
		os.Exit(1)
	}
}
