// Command enrold is the enrollment desk: the daemon, its workers and its tools.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/enrold/enrold/cmd/enrold/faces"
	"github.com/enrold/enrold/cmd/enrold/prints"
)

// version is set by the linker for releases.
var version = "0.1.0"

type cli struct {
	Run       runCmd          `cmd:"" help:"Run the desk's daemon."`
	Worker    workerCmd       `cmd:"" hidden:"" help:"Serve one device library (started by the daemon)."`
	Demo      demoCmd         `cmd:"" help:"Enrol an emulated person end to end on this machine."`
	Devices   devicesCmd      `cmd:"" help:"List devices with the profile that claims each, or why none does."`
	Read      readCmd         `cmd:"" help:"Read a chip document and say what every check found."`
	Keys      keysCmd         `cmd:"" help:"Show and make the keys of desk and officer."`
	Enrol     enrolCmd        `cmd:"" help:"Have the central take in this desk and its officer, or renew."`
	Trust     trustCmd        `cmd:"" help:"Fill, show and check the folder of certificates that chips are trusted by."`
	Finger    prints.Command  `cmd:"" help:"Extract, compare and find fingerprints."`
	Face      faceCmd         `cmd:"" help:"Compare photographs of faces."`
	Calibrate faces.Calibrate `cmd:"" help:"Fit the limits of face comparison on labelled pairs."`
	Models    faces.Models    `cmd:"" help:"List, install and check the models of face recognition."`
	Queue     queueCmd        `cmd:"" help:"List, check, export and mend the queue of requests."`
	Published publishedCmd    `cmd:"" help:"Show what the central's offline root has signed for this desk, and take in items from files."`
	Verify    verifyCmd       `cmd:"" help:"Say of a request, sealed or opened, what the given keys prove."`
	Bench     benchCmd        `cmd:"" help:"Measure the visit, the daemon's start and the fingerprint engine."`

	Version kong.VersionFlag `help:"Print the version."`
}

func main() {
	var c cli
	parsed := kong.Parse(&c,
		kong.Name("enrold"),
		kong.Description("The daemon of an enrollment desk for electronic identification accounts, level 2."),
		kong.UsageOnError(),
		kong.Vars{"version": version})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.BindTo(os.Stdout, (*io.Writer)(nil))
	parsed.Bind(log)
	parsed.FatalIfErrorf(parsed.Run())
}
