package durability

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// child is one real process under test.
type child struct {
	t       *testing.T
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	ready   chan struct{} // closed at its "ready"
	heard   chan struct{} // closed when its last word was heard
	errText strings.Builder
	once    sync.Once
}

// start runs binary as o says, under wrap if given, and gives each line that it
// says to hear. It dies with this process.
func start(t *testing.T, binary string, o order, hear func(line string), wrap ...string) *child {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	args := append(slices.Clip(wrap), binary)
	c := &child{t: t, cmd: exec.Command(args[0], args[1:]...), ready: make(chan struct{}), heard: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	c.cmd.Stderr = &c.errText
	// A group of its own, so that a kill reaches what runs under a wrapper, too.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.heard)
		ready := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if line := lines.Text(); line != "ready" {
				hear(line)
			} else if !ready {
				ready = true
				close(c.ready)
			}
		}
	}()
	t.Cleanup(c.kill)
	return c
}

// tell writes lines to the child's standard input; a dead child does not mind.
func (c *child) tell(lines ...string) {
	_, _ = io.WriteString(c.stdin, strings.Join(lines, "\n")+"\n")
}

// kill ends the child with SIGKILL and waits until all that it said was heard.
func (c *child) kill() {
	c.once.Do(func() {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		<-c.heard
		_ = c.cmd.Wait() // "signal: killed"
	})
}

// pause stops the child in its tracks; what it has asked of the kernel goes on.
func (c *child) pause() {
	if err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		c.t.Fatal(err)
	}
}

// end lets the child finish by itself and returns what it ended with.
func (c *child) end() error {
	err := error(nil)
	c.once.Do(func() {
		_ = c.stdin.Close()
		<-c.heard
		err = c.cmd.Wait()
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, c.errText.String())
	}
	return nil
}

// wait is false when the child ended before it was ready.
func (c *child) wait() bool {
	select {
	case <-c.ready:
		return true
	case <-c.heard:
		return false
	case <-time.After(time.Minute):
		c.t.Fatalf("child is not ready after a minute: %s", c.errText.String())
		return false
	}
}

// over says that the child has said its last word.
func (c *child) over() bool {
	select {
	case <-c.heard:
		return true
	default:
		return false
	}
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
