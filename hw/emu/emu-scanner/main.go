// Command emu-scanner is an emulated serial fingerprint scanner: a module of the
// R503/ZFM family on a pseudo-terminal, with the fingers of the synthetic
// persons. The driver opens RUN-DIR/scanner.tty as it would /dev/ttyUSB0; what
// the person does comes over RUN-DIR/scanner.sock (package hw/emu/control).
//
// It prints "ready" when both are there and ends on SIGTERM, SIGINT or, with
// -exit-on-eof, when its standard input ends (its parent died).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/enrold/enrold/hw/emu/pty"
	"github.com/enrold/enrold/hw/emu/zfm"
)

func main() {
	dir := flag.String("run-dir", "", "folder for scanner.tty and scanner.sock (required)")
	name := flag.String("profile", "zfm-20", "which module: zfm-20, r503")
	paced := flag.Bool("baud-paced", false, "send no faster than the negotiated speed allows")
	onEOF := flag.Bool("exit-on-eof", false, "end when standard input ends")
	flag.Parse()
	ctx, stop := pty.Context(*onEOF)
	err := run(ctx, *dir, *name, *paced)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "emu-scanner:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, name string, paced bool) error {
	if dir == "" {
		return errors.New("-run-dir is required")
	}
	model, err := zfm.ModelNamed(name)
	if err != nil {
		return err
	}
	device := zfm.New(model, paced)
	p := &person{device: device, model: model}
	return pty.Host(ctx, dir, "scanner", p.act, func(t *pty.Terminal) error { return device.Serve(t) })
}
