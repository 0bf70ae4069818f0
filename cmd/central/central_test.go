package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hpke"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/population"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

const asCentral = "ENROLD_TEST_CENTRAL"

// TestMain makes the test binary the central itself when a test starts it so.
func TestMain(m *testing.M) {
	if os.Getenv(asCentral) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func central(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCentral+"=1")
	return cmd
}

const (
	photos = "../../build/photos"
	models = "../../build/models"
)

// site is a central with one enrolled desk, its queue and its uplink.
type site struct {
	t      *testing.T
	folder string
	addr   string
	proc   *exec.Cmd
	stdin  io.Closer
	queue  *queue.Queue
	log    bytes.Buffer
}

func newSite(t *testing.T) *site {
	t.Helper()
	for _, dir := range []string{photos, models} {
		if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) == 0 {
			t.Skipf("%s is empty: run make setup", dir)
		}
	}
	s := &site{t: t, folder: t.TempDir(), addr: "127.0.0.1:0"}
	device, err := request.LoadOrCreateDeviceKey(s.path("device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := device.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("device.pub.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "--data", s.path("central")},
		{"init", "--data", s.path("central")}, // again: keeps the keys
		{"enrol-desk", "--data", s.path("central"), "--desk", "desk-1", "--device-key", s.path("device.pub.pem"), "--out", s.path("desk")},
	} {
		if out, err := central(args...).CombinedOutput(); err != nil {
			t.Fatalf("central %s: %v\n%s", args[0], err, out)
		}
	}
	s.start()
	t.Cleanup(func() { s.end(syscall.SIGKILL) })
	seal, err := request.LoadSealKey(s.path("desk", "seal_key"))
	if err != nil {
		t.Fatal(err)
	}
	s.queue, err = queue.Open(t.Context(), queue.Options{Dir: s.path("data"), DeskID: "desk-1", Signers: request.Signers{Device: device}, Recipients: []hpke.PublicKey{seal}, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.queue.Close() })
	s.connect()
	return s
}

func (s *site) path(parts ...string) string {
	return filepath.Join(append([]string{s.folder}, parts...)...)
}

// start starts the central and waits for its line "ready".
func (s *site) start() {
	s.t.Helper()
	s.proc = central("serve", "--data", s.path("central"), "--listen", s.addr, "--accept-emulated",
		"--population", "emulated", "--photos", photos, "--models", models, "--exit-on-eof")
	s.proc.Stderr = &s.log
	out, err := s.proc.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.stdin, err = s.proc.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	if err := s.proc.Start(); err != nil {
		s.t.Fatal(err)
	}
	line := bufio.NewScanner(out)
	line.Scan()
	addr, ok := strings.CutPrefix(line.Text(), "ready https://")
	if !ok {
		s.t.Fatalf("central says %q\n%s", line.Text(), s.log.String())
	}
	s.t.Logf("central ready in %v", time.Since(began).Round(time.Millisecond))
	s.addr = addr
}

// end sends a signal, nil for none, and waits for the process.
func (s *site) end(sig os.Signal) error {
	if s.proc == nil {
		return nil
	}
	if sig != nil {
		_ = s.proc.Process.Signal(sig)
	}
	err := s.proc.Wait()
	s.proc = nil
	return err
}

func (s *site) connect() {
	s.t.Helper()
	conf, err := wire.Files{CA: s.path("desk", "ca.pem"), Cert: s.path("desk", "cert.pem"), Key: s.path("desk", "key.pem")}.ClientTLS()
	if err != nil {
		s.t.Fatal(err)
	}
	receipt, err := wire.LoadReceiptKey(s.path("desk", "receipt_key.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	up, err := uplink.New(uplink.Options{URL: "https://" + s.addr, TLS: conf, DeskID: "desk-1", ReceiptKey: receipt, Queue: s.queue})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- up.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
}

func (s *site) enqueue(r station.Request) {
	s.t.Helper()
	if _, err := s.queue.Enqueue(s.t.Context(), r); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) settled(id string) queue.Row {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		row, err := s.queue.Get(s.t.Context(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		switch row.State {
		case queue.Sealed, queue.Announced, queue.Uploading, queue.Received, queue.Accepted: // on its way
		default:
			return row
		}
	}
	s.t.Fatalf("not settled in 30 s\n%s", s.log.String())
	return queue.Row{}
}

func TestDecisions(t *testing.T) {
	s := newSite(t)
	for _, test := range []struct {
		name   string
		make   func() station.Request
		state  queue.State
		reason wire.Reason
	}{
		{"citizen", func() station.Request { return visit(t, 0, false, ridge.WindowZFM) }, queue.Granted, ""},
		{"citizen again", func() station.Request { return visit(t, 0, false, ridge.WindowZFM) }, queue.Granted, ""},
		{"foreigner, small scanner", func() station.Request { return visit(t, 3, true, ridge.WindowR503) }, queue.Granted, ""},
		{"another person's face", func() station.Request {
			r := visit(t, 1, false, ridge.WindowZFM)
			r.Portraits = portraits(t, 2)
			return r
		}, queue.Rejected, population.ReasonFace},
		{"another person's fingers", func() station.Request {
			r := visit(t, 1, false, ridge.WindowZFM)
			r.Fingers = visit(t, 4, false, ridge.WindowZFM).Fingers
			return r
		}, queue.Rejected, population.ReasonFinger},
		{"fingers in the other's place", func() station.Request {
			r := visit(t, 1, false, ridge.WindowZFM)
			for i := range r.Fingers {
				r.Fingers[i].Position = eid.RightIndex + eid.LeftIndex - r.Fingers[i].Position
			}
			return r
		}, queue.Rejected, population.ReasonFinger},
		{"no fingers", func() station.Request {
			r := visit(t, 1, false, ridge.WindowZFM)
			r.Fingers = nil
			return r
		}, queue.Rejected, population.ReasonNoFingers},
		{"no portrait", func() station.Request {
			r := visit(t, 1, false, ridge.WindowZFM)
			r.Portraits = nil
			return r
		}, queue.Rejected, population.ReasonNoFace},
		{"chip not authentic", func() station.Request {
			r := visit(t, 2, false, ridge.WindowZFM)
			r.Chip().PA = eid.Check{State: eid.CheckFailed}
			return r
		}, queue.Rejected, population.ReasonDocument},
		{"unknown number", func() station.Request {
			r := visit(t, 2, false, ridge.WindowZFM)
			r.Chip().Holder.PersonalNumber = "099000000999"
			return r
		}, queue.Rejected, population.ReasonUnknown},
		{"other birth date", func() station.Request {
			r := visit(t, 2, false, ridge.WindowZFM)
			r.Chip().Holder.Birth = "1991-04-08"
			return r
		}, queue.Rejected, population.ReasonRecord},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.make()
			s.enqueue(r)
			row := s.settled(r.ID)
			if row.State != test.state || row.Reason != string(test.reason) {
				t.Fatalf("%s %q, want %s %q", row.State, row.Reason, test.state, test.reason)
			}
			t.Logf("sealed %d KB, sync %d ms", row.SealedBytes>>10, row.SyncMS)
		})
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v\n%s", err, s.log.String())
	}
	searchTraces(t, s.folder, s.log.Bytes())
}

// A central killed with -9 at any time loses nothing and decides once.
func TestKilledCentral(t *testing.T) {
	s := newSite(t)
	var ids []string
	for range 3 {
		r := visit(t, 0, false, ridge.WindowZFM)
		s.enqueue(r)
		ids = append(ids, r.ID)
		time.Sleep(20 * time.Millisecond)
		s.end(syscall.SIGKILL)
		s.start()
	}
	for _, id := range ids {
		if row := s.settled(id); row.State != queue.Granted {
			t.Fatalf("row = %+v", row)
		}
	}
	if names, err := filepath.Glob(s.path("central", "payload", "*")); err != nil || len(names) != 3 {
		t.Fatalf("central keeps %d payloads, %v, want 3", len(names), err)
	}
	s.stdin.Close()
	if err := s.end(nil); err != nil {
		t.Fatalf("after the end of its input: %v\n%s", err, s.log.String())
	}
}

// searchTraces fails when anything that desk and central wrote names a person.
func searchTraces(t *testing.T, dir string, log []byte) {
	t.Helper()
	p, err := persons.Get(0)
	if err != nil {
		t.Fatal(err)
	}
	face := portraits(t, 0)[0].Record
	finger := impressions(t, 0, eid.RightIndex, ridge.WindowZFM)[0].WSQ
	markers := [][]byte{[]byte(p.Citizen.Name), []byte(p.Citizen.PersonalNumber), face[len(face)/2:][:32], finger[len(finger)/2:][:32]}
	check := func(name string, data []byte) {
		for i, m := range markers {
			if bytes.Contains(data, m) {
				t.Errorf("%s holds marker %d", name, i)
			}
		}
	}
	check("log", log)
	files := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		check(path, data)
		files++
		return err
	})
	if err != nil || files < 20 {
		t.Fatalf("searched %d files: %v", files, err)
	}
}
