// Package swtpm runs swtpm, a TPM 2.0 in software, behind a unix socket: the
// emulated security chip of a desk. Its state lives in a folder, so that it can
// be switched off and on like a machine.
package swtpm

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	program     = "swtpm" // Debian package swtpm
	upWithin    = 10 * time.Second
	socketBytes = 100 // a unix socket's path is at most 107 bytes
)

// ErrMissing says that swtpm is not installed.
var ErrMissing = errors.New("swtpm is not installed (Debian: apt-get install swtpm)")

// TPM is one running emulated chip.
type TPM struct {
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is reaped
}

// Installed reports whether swtpm can be started here.
func Installed() bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// Start runs a TPM whose state is in dir/state and whose socket is Path().
// A folder that is empty holds a new chip.
func Start(dir string) (*TPM, error) {
	if !Installed() {
		return nil, ErrMissing
	}
	t := &TPM{dir: dir}
	if len(t.Path()) > socketBytes {
		return nil, fmt.Errorf("start swtpm: folder %s is too long for a socket", dir)
	}
	state := filepath.Join(dir, "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("start swtpm: %w", err)
	}
	// A TPM that is cut off leaves its socket.
	_ = os.Remove(t.Path())
	log, err := os.OpenFile(filepath.Join(dir, "swtpm.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start swtpm: %w", err)
	}
	defer log.Close()
	t.cmd = exec.Command(program, "socket", "--tpm2", "--tpmstate", "dir="+state,
		"--ctrl", "type=unixio,path="+filepath.Join(dir, "ctrl.sock"),
		"--server", "type=unixio,path="+t.Path(), "--flags", "not-need-init,startup-clear")
	t.cmd.Stdout, t.cmd.Stderr = log, log
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	t.done = make(chan struct{})
	started := make(chan error)
	go func() {
		// The parent-death signal follows the thread that forked.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(t.done)
		err := t.cmd.Start()
		started <- err
		if err == nil {
			_ = t.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start swtpm: %w", err)
	}
	if err := t.await(); err != nil {
		t.Stop()
		return nil, fmt.Errorf("start swtpm: %w", err)
	}
	return t, nil
}

// await waits until the socket takes a connection.
func (t *TPM) await() error {
	for end := time.Now().Add(upWithin); ; {
		c, err := net.Dial("unix", t.Path())
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) {
			return fmt.Errorf("not ready within %v: %w", upWithin, err)
		}
		select {
		case <-t.done:
			return fmt.Errorf("it ended, see %s", filepath.Join(t.dir, "swtpm.log"))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Path is the chip's socket.
func (t *TPM) Path() string { return filepath.Join(t.dir, "tpm.sock") }

// Done is closed when the chip's process has ended.
func (t *TPM) Done() <-chan struct{} { return t.done }

// Stop switches the chip off without a warning; its state stays.
func (t *TPM) Stop() {
	_ = t.cmd.Process.Kill()
	<-t.done
	_ = os.Remove(t.Path())
	_ = os.Remove(filepath.Join(t.dir, "ctrl.sock"))
}
