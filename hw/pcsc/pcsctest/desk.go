// Package pcsctest gives tests a real pcscd with an emulated card: it builds
// and starts hw/emu/emu-card. A test is skipped where that cannot run.
package pcsctest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
)

// Main runs the tests of a package that uses this one, from its TestMain.
// libpcsclite knows one socket in a process's life, so that all tests of a
// process share one folder.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pcsc")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make folder for the emulated desk:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	folder = dir
	return m.Run()
}

// folder is set once, by Main, before any test runs.
var folder string

// Socket is where pcscd listens while a desk is up.
func Socket() string { return filepath.Join(folder, "run", "pcscd", "pcscd.comm") }

// build compiles the emulator once in a test process.
var build = sync.OnceValues(func() (string, error) {
	out := filepath.Join(folder, "emu-card")
	b, err := exec.Command("go", "build", "-o", out, "github.com/enrold/enrold/hw/emu/emu-card").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build emu-card: %w\n%s", err, b)
	}
	return out, nil
})

// Desk is a running emulator.
type Desk struct {
	t       testing.TB
	control string
	stop    func()
}

// Start starts pcscd and its virtual readers, without a card. The test's
// cleanup ends them.
func Start(t testing.TB) *Desk {
	t.Helper()
	photos := photographs(t)
	if os.Getuid() != 0 {
		t.Skip("the emulated desk needs root for its namespaces")
	}
	for _, part := range []string{"/usr/sbin/pcscd", "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"} {
		if _, err := os.Stat(part); err != nil {
			t.Skipf("%s is missing: run make setup", part)
		}
	}
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(folder, "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--run-dir", run, "--photos", photos, "--exit-on-eof")
	var log bytes.Buffer
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &Desk{t: t, control: filepath.Join(run, "card.sock")}
	d.stop = sync.OnceFunc(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(func() {
		d.Stop()
		if t.Failed() {
			t.Logf("emu-card said:\n%s", log.String())
		}
	})
	waitReady(t, out)
	return d
}

// waitReady waits for the emulator's one line.
func waitReady(t testing.TB, out io.Reader) {
	t.Helper()
	line := make(chan string, 1)
	go func() { // joined by the pipe's end when the emulator ends
		s, _ := bufio.NewReader(out).ReadString('\n')
		line <- s
	}()
	select {
	case s := <-line:
		if s != "ready\n" {
			t.Fatalf("emu-card says %q, want ready", s)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("emu-card is not ready after 20 s")
	}
}

// Stop ends pcscd and the readers.
func (d *Desk) Stop() { d.stop() }

// Insert puts a person's document on the reader.
func (d *Desk) Insert(person int, document, fault string) {
	d.t.Helper()
	d.Put(control.Command{Person: person, Document: document, Fault: fault})
}

// Put puts the card that c describes on its reader.
func (d *Desk) Put(c control.Command) {
	d.t.Helper()
	c.Do = "insert"
	if err := control.Send(d.control, c); err != nil {
		d.t.Fatal(err)
	}
}

// Remove takes the document away.
func (d *Desk) Remove() {
	d.t.Helper()
	if err := control.Send(d.control, control.Command{Do: "remove"}); err != nil {
		d.t.Fatal(err)
	}
}

// photographs finds build/photos of the module.
func photographs(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	photos := filepath.Join(dir, "build", "photos")
	if _, err := os.Stat(photos); err != nil {
		t.Skip("photographs are missing: run make setup")
	}
	return photos
}
