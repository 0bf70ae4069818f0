// Command emu-tpm is an emulated security chip: swtpm behind RUN-DIR/tpm.sock,
// with its state in RUN-DIR, so that the next start finds the same chip.
//
// It prints "ready" when the chip answers and ends on SIGTERM, SIGINT or, with
// -exit-on-eof, when its standard input ends (its parent died).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/enrold/enrold/hw/emu/pty"
	"github.com/enrold/enrold/hw/emu/swtpm"
)

func main() {
	dir := flag.String("run-dir", "", "folder for tpm.sock and the chip's state (required)")
	onEOF := flag.Bool("exit-on-eof", false, "end when standard input ends")
	flag.Parse()
	ctx, stop := pty.Context(*onEOF)
	err := run(ctx, *dir)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "emu-tpm:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	if dir == "" {
		return errors.New("-run-dir is required")
	}
	chip, err := swtpm.Start(dir)
	if err != nil {
		return err
	}
	defer chip.Stop()
	fmt.Println("ready", chip.Path())
	select {
	case <-ctx.Done():
		return nil
	case <-chip.Done():
		return errors.New("swtpm ended by itself")
	}
}
