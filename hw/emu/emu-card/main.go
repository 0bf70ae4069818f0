// Command emu-card is the emulated chip card of the demo desk: a card of a
// synthetic person behind a real pcscd with vsmartcard's virtual reader.
//
// It starts itself again in new mount and network namespaces, where pcscd finds
// RUN/pcscd as /run/pcscd and the virtual reader listens on a loopback of its
// own: nothing is reachable from outside and desks run side by side. A desk
// connects with PCSCLITE_CSOCK_NAME=RUN/pcscd/pcscd.comm; the person acts
// through RUN/card.sock (package control): insert, remove.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/emu/control"
)

// insideArgument marks the process that runs inside the namespaces.
const insideArgument = "inside-namespaces"

type settings struct {
	runDir, photos, portrait string
	person                   int             // -1: no card at the start
	card                     control.Command // the card at the start; its kind is that of later ones
	vpcd                     string          // address of a virtual reader that runs already
	exitOnEOF, list          bool
}

// paths below the run folder.
func (s settings) pcscd() string   { return filepath.Join(s.runDir, "pcscd") }
func (s settings) socket() string  { return filepath.Join(s.pcscd(), "pcscd.comm") }
func (s settings) control() string { return filepath.Join(s.runDir, "card.sock") }
func (s settings) readers() string { return filepath.Join(s.runDir, "readers") }

func main() {
	// The death signal of a child is bound to the thread that started it.
	runtime.LockOSThread()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(log); err != nil {
		fmt.Fprintln(os.Stderr, "emu-card:", err)
		if errors.Is(err, errUnusable) {
			os.Exit(exitUnusable)
		}
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	s, inside, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	if s.list {
		return printList(os.Stdout)
	}
	if inside {
		return runInside(ctx, s, log)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := watchParent(cancel); err != nil {
		return err
	}
	if s.exitOnEOF {
		// Nothing joins this reader: a read of standard input ends with it or
		// with the process.
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	if s.vpcd != "" {
		return runDirect(ctx, s, log)
	}
	return supervise(ctx, s, log)
}

func parse(args []string) (s settings, inside bool, err error) {
	if len(args) > 0 && args[0] == insideArgument {
		inside, args = true, args[1:]
	}
	f := flag.NewFlagSet("emu-card", flag.ContinueOnError)
	f.StringVar(&s.runDir, "run-dir", "", "`folder` for pcscd's socket and the control socket")
	f.StringVar(&s.photos, "photos", "", "`folder` with the photographs of the synthetic persons")
	f.StringVar(&s.portrait, "portrait", "", "JPEG `file` for the chip in place of the person's photograph")
	f.IntVar(&s.person, "person", -1, "insert the card of this person at once (0 to 4)")
	f.StringVar(&s.card.Document, "document", "", "which document: citizen or foreigner; the personality's, if empty")
	f.StringVar(&s.card.Personality, "personality", "", "what kind of card (see --list), with options after a plus: pace-gm+secp384r1+aes-256")
	f.StringVar(&s.card.Curve, "pace-curve", "", "domain parameters of PACE and chip authentication: brainpoolP256r1, secp384r1, dh-2")
	f.StringVar(&s.card.Cipher, "pace-cipher", "", "cipher of PACE and chip authentication: 3des, aes-128, aes-192, aes-256")
	f.StringVar(&s.card.Signature, "signature", "", "signature of EF.SOD: rsa-sha256, rsa-pss-sha512, ecdsa-brainpoolP384r1-sha384")
	f.IntVar(&s.card.PadDG2, "pad-dg2", 0, "`bytes` of padding in the portrait's JPEG")
	f.IntVar(&s.card.MaxResponse, "max-response", 0, "`bytes` of response data; 256 or less: no extended lengths")
	f.StringVar(&s.card.Fault, "fault", "", "what is wrong with the card (see --list)")
	f.StringVar(&s.vpcd, "vpcd", "", "`address` of a virtual reader that runs already, such as 127.0.0.1:35963: no pcscd is started and no --run-dir is needed")
	f.BoolVar(&s.exitOnEOF, "exit-on-eof", false, "end when standard input ends")
	f.BoolVar(&s.list, "list", false, "list personalities, options and faults, and end")
	if err := f.Parse(args); err != nil {
		return s, inside, fmt.Errorf("read arguments: %w", err)
	}
	s.card.Do, s.card.Person = "insert", s.person
	if s.list {
		return s, inside, nil
	}
	if (s.runDir == "") == (s.vpcd == "") || s.photos == "" || f.NArg() > 0 {
		return s, inside, errors.New("usage: emu-card (--run-dir FOLDER | --vpcd ADDRESS) --photos FOLDER [--person N] [--personality NAME] [--document citizen|foreigner] [--fault NAME] [--exit-on-eof], or emu-card --list; --help tells all")
	}
	for _, p := range []*string{&s.runDir, &s.photos, &s.portrait} {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err != nil {
			return s, inside, fmt.Errorf("resolve path: %w", err)
		}
	}
	return s, inside, s.check()
}

// check refuses paths that do not fit into sockaddr_un (108 bytes with the
// closing zero).
func (s settings) check() error {
	if s.vpcd != "" {
		return nil
	}
	for _, p := range []string{s.socket(), s.control()} {
		if len(p) > 107 {
			return fmt.Errorf("socket path %s has %d bytes, the system takes 107: choose a shorter --run-dir", p, len(p))
		}
	}
	return nil
}

// watchParent calls ended when the parent process is gone. A pidfd, not
// PR_SET_PDEATHSIG: that one fires when the parent's thread ends, and a Go
// parent may end threads at any time.
func watchParent(ended func()) error {
	parent := os.Getppid()
	fd, err := unix.PidfdOpen(parent, 0)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return nil // an old kernel or a sandbox: --exit-on-eof remains
	}
	if err != nil {
		return fmt.Errorf("watch parent process: %w", err)
	}
	if os.Getppid() != parent {
		return errors.New("watch parent process: it has ended")
	}
	// Nothing joins this watcher: it ends with its parent or with the process.
	go func() {
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
			if !errors.Is(err, unix.EINTR) {
				ended()
				return
			}
		}
	}()
	return nil
}
