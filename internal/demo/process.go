package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyWithin = 60 * time.Second  // a cold start from a slow disk included
	loadWithin  = 120 * time.Second // workers with their libraries and models, on a machine that does other work
	stopWithin  = 4 * time.Second
)

// program is one child of the demo. It ends when its standard input closes, so
// nothing outlives a demo that is killed.
type program struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when the process is reaped
	log   string        // its standard error

	mu  sync.Mutex
	err error
}

// launch starts argv and waits for its line "ready …", which it returns without
// that word.
func launch(ctx context.Context, dir, name string, argv ...string) (*program, string, error) {
	p := &program{name: name, done: make(chan struct{}), log: filepath.Join(dir, name+".log")}
	logFile, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("open log of %s: %w", name, err)
	}
	defer logFile.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stderr = logFile
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo, which stops its children in order
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", name, err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", fmt.Errorf("start %s: %w", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", name, err)
	}
	ready := make(chan string, 1)
	go p.follow(out, ready)
	select {
	case line := <-ready:
		return p, line, nil
	case <-p.done:
		return nil, "", fmt.Errorf("%s ended before it was ready: %w\n%s", name, p.exit(), p.tail())
	case <-time.After(readyWithin):
		p.stop()
		return nil, "", fmt.Errorf("%s was not ready within %v\n%s", name, readyWithin, p.tail())
	case <-ctx.Done():
		p.stop()
		return nil, "", ctx.Err()
	}
}

// follow reads the child's output to its end and reaps it.
func (p *program) follow(out io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "ready"); ok {
			select {
			case ready <- strings.TrimSpace(rest):
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, out) // a line too long for the scanner
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.done)
}

func (p *program) exit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return fmt.Errorf("exit status 0")
	}
	return p.err
}

// stop ends the child in order, then by force.
func (p *program) stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// kill is the power switch: for tests and for the central of --offline.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// tail returns the end of the child's log for an error message.
func (p *program) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	if len(b) > 2000 {
		b = b[len(b)-2000:]
	}
	return strings.TrimSpace(string(b))
}
