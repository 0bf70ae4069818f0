package external

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const dialWithin = 2 * time.Second

// endWithin is how long a program may take to end after its input did.
const endWithin = 2 * time.Second

// dial connects to a Unix socket, or starts a program and is its standard input
// and output.
func dial(ctx context.Context, place string) (io.ReadWriteCloser, error) {
	if path, ok := strings.CutPrefix(place, "unix:"); ok {
		ctx, cancel := context.WithTimeout(ctx, dialWithin)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return nil, fmt.Errorf("connect to engine: %w", err)
		}
		return conn, nil
	}
	command, ok := strings.CutPrefix(place, "exec:")
	argv := strings.Fields(command)
	if !ok || len(argv) == 0 {
		return nil, fmt.Errorf("place of engine %q: want unix:PATH or exec:PROGRAM", place)
	}
	return start(argv)
}

// child is a program as a connection. Close may be called more than once and
// from any goroutine.
type child struct {
	io.Reader
	io.Writer
	close func() error
}

func (c *child) Close() error { return c.close() }

func start(argv []string) (*child, error) {
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx // close ends it: by end of input, then by a signal
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	end := sync.OnceValue(func() error {
		_ = in.Close() // the sign to end
		kill := time.AfterFunc(endWithin, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		_, _ = io.Copy(io.Discard, out) // until it closes its side
		err := cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() < 0 {
			return fmt.Errorf("end engine: %w", err) // killed
		}
		return nil
	})
	return &child{Reader: out, Writer: in, close: end}, nil
}
