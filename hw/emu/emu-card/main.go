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
)

// insideArgument marks the process that runs inside the namespaces.
const insideArgument = "inside-namespaces"

type settings struct {
	runDir, photos, document, fault string
	person                          int
	exitOnEOF                       bool
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
	return supervise(ctx, s, log)
}

func parse(args []string) (s settings, inside bool, err error) {
	if len(args) > 0 && args[0] == insideArgument {
		inside, args = true, args[1:]
	}
	f := flag.NewFlagSet("emu-card", flag.ContinueOnError)
	f.StringVar(&s.runDir, "run-dir", "", "`folder` for pcscd's socket and the control socket")
	f.StringVar(&s.photos, "photos", "", "`folder` with the photographs of the synthetic persons")
	f.IntVar(&s.person, "person", -1, "insert the card of this person at once (0 to 4)")
	f.StringVar(&s.document, "document", "citizen", "which document: citizen or foreigner")
	f.StringVar(&s.fault, "fault", "", "what is wrong with the card: dg2-byte")
	f.BoolVar(&s.exitOnEOF, "exit-on-eof", false, "end when standard input ends")
	if err := f.Parse(args); err != nil {
		return s, inside, fmt.Errorf("read arguments: %w", err)
	}
	if s.runDir == "" || s.photos == "" || f.NArg() > 0 {
		return s, inside, errors.New("usage: emu-card --run-dir FOLDER --photos FOLDER [--person N] [--document citizen|foreigner] [--fault NAME] [--exit-on-eof]")
	}
	for _, p := range []*string{&s.runDir, &s.photos} {
		if *p, err = filepath.Abs(*p); err != nil {
			return s, inside, fmt.Errorf("resolve path: %w", err)
		}
	}
	return s, inside, s.check()
}

// check refuses paths that do not fit into sockaddr_un (108 bytes with the
// closing zero).
func (s settings) check() error {
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
