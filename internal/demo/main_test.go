package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

var (
	root   string // of the checkout
	binDir string // programs built from this very source
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		root, _ = filepath.Abs("../..")
		dir, err := os.MkdirTemp("", "enrold-bin-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binDir = dir
		build := exec.Command("go", "build", "-o", dir+"/", "./cmd/enrold", "./cmd/central",
			"./hw/emu/emu-card", "./hw/emu/emu-scanner", "./hw/emu/emu-camera", "./hw/emu/emu-tpm")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the programs: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// startDesk brings up a whole emulated desk and seats p. The run folder is
// short, since unix sockets live in it.
func startDesk(t *testing.T, opts Options, p Persona) (*Desk, *Actor) {
	t.Helper()
	photos, models := filepath.Join(root, "build/photos"), filepath.Join(root, "build/models")
	for _, need := range []string{photos, models, "/usr/sbin/pcscd"} {
		if _, err := os.Stat(need); err != nil {
			if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
				t.Fatalf("%v: run `make setup`", err)
			}
			t.Skipf("%v: run `make setup` for the tests on a whole desk", err)
		}
	}
	dir, err := os.MkdirTemp("", "enrold-t-")
	if err != nil {
		t.Fatal(err)
	}
	opts.Dir, opts.Bin, opts.Photos, opts.Models = dir, binDir, photos, models
	opts.Progress = func(text string) { t.Log(text) }
	if opts.Procedure == "" {
		opts.Procedure = eid.CitizenLevel2
	}
	d, err := Start(t.Context(), opts)
	if err != nil {
		os.RemoveAll(dir)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Stop()
		if t.Failed() {
			dumpLogs(t, dir)
		}
		os.RemoveAll(dir)
	})
	actor := act(t, d)
	if err := d.Seat(actor, p); err != nil {
		t.Fatal(err)
	}
	return d, actor
}

// act keeps an emulated person at the desk until the test ends.
func act(t *testing.T, d *Desk) *Actor {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	seated, done := make(chan *Actor, 1), make(chan struct{})
	go func() {
		defer close(done)
		_ = d.WithActor(ctx, nil, func(ctx context.Context, a *Actor) error {
			seated <- a
			<-ctx.Done()
			return nil
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return <-seated
}

func dumpLogs(t *testing.T, dir string) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, l := range logs {
		b, _ := os.ReadFile(l)
		if lines := strings.Split(strings.TrimSpace(string(b)), "\n"); len(lines) > 0 {
			t.Logf("%s:\n%s", filepath.Base(l), strings.Join(lines[max(0, len(lines)-25):], "\n"))
		}
	}
}

func queued(t *testing.T, d *Desk) int {
	t.Helper()
	rows, err := d.Screen.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

func noOpenVisit(t *testing.T, d *Desk) {
	t.Helper()
	v, err := d.Screen.Visit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v != nil && !over(v.Step) {
		t.Fatalf("a visit is still open at %s", v.Step)
	}
}

// within polls until ok holds.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}
