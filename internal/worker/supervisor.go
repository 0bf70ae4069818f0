package worker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/internal/eid"
)

const (
	firstDelay  = 50 * time.Millisecond // before a restart; doubles
	longestWait = time.Second           // between restarts
	steadyAfter = 10 * time.Second      // a child that lived this long starts the delays anew
	grace       = 3 * time.Second       // a cancelled call may take this long to end
	upWithin    = 2500 * time.Millisecond
	startWithin = 30 * time.Second // a child may take this long to its first answer
)

func afterGrace() <-chan time.Time { return time.After(grace) }

// State is what the screen shows of one worker.
type State struct {
	Name     string    `json:"name"`
	Up       bool      `json:"up"`
	PID      int       `json:"pid,omitempty"`
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since"`
	LastExit string    `json:"last_exit,omitempty"`
}

// Handle is one supervised worker. Run keeps its child alive; Call may be used
// from any goroutine, also before Run.
type Handle struct {
	name    string
	argv    []string
	log     *slog.Logger
	changed func(State)

	mu    sync.Mutex
	cur   *client
	up    chan struct{} // closed while cur is set, replaced when it goes
	state State
}

// NewHandle prepares a worker that is started as argv. changed, if not nil, is
// told of every start and end.
func NewHandle(name string, argv []string, log *slog.Logger, changed func(State)) *Handle {
	if changed == nil {
		changed = func(State) {}
	}
	return &Handle{name: name, argv: argv, log: log, changed: changed, up: make(chan struct{}), state: State{Name: name}}
}

// State returns the present state.
func (h *Handle) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// Run starts the child again and again until ctx ends, and returns when the
// last one has.
func (h *Handle) Run(ctx context.Context) {
	// The kernel's parent-death signal follows the thread that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	delay := firstDelay
	for ctx.Err() == nil {
		began := time.Now()
		err := h.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steadyAfter {
			delay = firstDelay
		}
		h.log.Warn("worker ended", "worker", h.name, "error", err, "restart_in", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		delay = min(2*delay, longestWait)
	}
}

// once runs one child to its end.
func (h *Handle) once(ctx context.Context) error {
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	cmd := exec.Command(h.argv[0], h.argv[1:]...) //nolint:noctx // ends by the closing of its socket, and is killed only if it does not
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		_, _ = ours.Close(), theirs.Close()
		return err
	}
	_ = theirs.Close()
	c := newClient(ours)
	var delivering sync.WaitGroup
	delivering.Go(c.run)
	stop := context.AfterFunc(ctx, func() { _ = ours.Close() }) // the child ends at end of file
	h.set(c, cmd.Process.Pid)
	err = waitOrKill(ctx, cmd)
	stop()
	_ = ours.Close()
	delivering.Wait()
	h.unset(err)
	return err
}

// waitOrKill reaps the child; after ctx it has the grace to end by itself.
func waitOrKill(ctx context.Context, cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		_ = cmd.Process.Kill()
		return <-done
	}
}

func (h *Handle) set(c *client, pid int) {
	h.mu.Lock()
	h.cur = c
	h.state.Up, h.state.PID, h.state.Since = true, pid, time.Now()
	close(h.up)
	s := h.state
	h.mu.Unlock()
	h.changed(s)
}

func (h *Handle) unset(err error) {
	h.mu.Lock()
	h.cur = nil
	h.up = make(chan struct{})
	h.state.Up, h.state.PID, h.state.Since = false, 0, time.Now()
	h.state.Restarts++
	h.state.LastExit = "exit status 0"
	if err != nil {
		h.state.LastExit = err.Error()
	}
	s := h.state
	h.mu.Unlock()
	h.changed(s)
}

// Call runs method in the child and decodes its result into out (nil: none is
// wanted); each gets the CBOR of every progress message, in order. A child that
// is being restarted is waited for; one that dies during the call gives
// eid.CodeDeviceRestarted; one that ignores the end of ctx is killed, unless it
// is still starting.
func (h *Handle) Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error {
	c, err := h.client(ctx)
	if err != nil {
		return err
	}
	return c.call(ctx, method, in, out, each, func() {
		if c.starting() {
			return
		}
		h.log.Error("worker does not answer: killed", "worker", h.name, "method", method)
		h.kill(c)
	})
}

func (h *Handle) client(ctx context.Context) (*client, error) {
	late := time.NewTimer(upWithin)
	defer late.Stop()
	for {
		h.mu.Lock()
		c, up := h.cur, h.up
		h.mu.Unlock()
		if c != nil {
			select {
			case <-c.gone: // dying: wait for the next one
				up = nil
			default:
				return c, nil
			}
		}
		poll := time.After(20 * time.Millisecond)
		select {
		case <-up:
		case <-poll:
		case <-late.C:
			return nil, eid.Fail(eid.CodeDeviceRestarted, "call worker", errors.New("worker is not running"))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (h *Handle) kill(c *client) {
	h.mu.Lock()
	if h.cur == c && h.state.PID > 0 {
		_ = syscall.Kill(h.state.PID, syscall.SIGKILL)
	}
	h.mu.Unlock()
	c.rw.Close()
	<-c.gone // the next call must not meet the dying child
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "daemon"), nil
}
