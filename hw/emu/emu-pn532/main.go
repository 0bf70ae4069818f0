// Command emu-pn532 is an emulated PN532 module on a pseudo-terminal with the
// chip card of a synthetic person in its field. The driver opens RUN-DIR/pn532.tty
// as it would /dev/ttyUSB0; what the person does comes over RUN-DIR/pn532.sock
// (package hw/emu/control): insert, remove.
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

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/pn532"
	"github.com/enrold/enrold/hw/emu/pty"
)

func main() {
	dir := flag.String("run-dir", "", "`folder` for pn532.tty and pn532.sock (required)")
	photos := flag.String("photos", "", "`folder` with the photographs of the synthetic persons")
	portrait := flag.String("portrait", "", "JPEG `file` for the chip in place of the person's photograph")
	typeB := flag.Bool("type-b", false, "cards are of ISO/IEC 14443 type B")
	onEOF := flag.Bool("exit-on-eof", false, "end when standard input ends")
	first := control.Command{Do: "insert"}
	flag.IntVar(&first.Person, "person", -1, "insert the card of this person at once (0 to 4)")
	flag.StringVar(&first.Document, "document", "", "which document: citizen or foreigner; the personality's, if empty")
	flag.StringVar(&first.Personality, "personality", "", "what kind of card, as emu-card --list names them")
	flag.StringVar(&first.Fault, "fault", "", "what is wrong with the card, as emu-card --list names it")
	flag.Parse()
	ctx, stop := pty.Context(*onEOF)
	f := &field{module: pn532.New(*typeB), photos: *photos, portrait: *portrait}
	err := run(ctx, *dir, f, first)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "emu-pn532:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, f *field, first control.Command) error {
	if dir == "" || f.photos == "" && f.portrait == "" {
		return errors.New("-run-dir and one of -photos and -portrait are required")
	}
	if first.Person >= 0 {
		if err := f.act(first); err != nil {
			return err
		}
	}
	return pty.Host(ctx, dir, "pn532", f.act, func(t *pty.Terminal) error { return f.module.Serve(t) })
}
