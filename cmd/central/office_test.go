package main

import (
	"bufio"
	"bytes"
	"crypto/hpke"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/bundle"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire"
)

// run starts the central's command and returns what it printed.
func run(t *testing.T, args ...string) (out []byte, err error) {
	t.Helper()
	cmd := central(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err = cmd.Output()
	if err != nil {
		t.Logf("central %s: %v\n%s", args[0], err, &stderr)
		return append(out, stderr.Bytes()...), err
	}
	return out, nil
}

func mustRun(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := run(t, args...)
	if err != nil {
		t.Fatalf("central %v: %v", args, err)
	}
	return out
}

// office is a central that serves nobody yet, its root, and a desk without a network.
type office struct {
	t      *testing.T
	dir    string
	device *request.DeviceKey
	root   string
}

func newOffice(t *testing.T, store ...string) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir()}
	var err error
	if o.device, err = request.LoadOrCreateDeviceKey(o.path("device.pem")); err != nil {
		t.Fatal(err)
	}
	text, err := o.device.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.path("device.pub.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	o.root = o.path("root")
	mustRun(t, append([]string{"init", "--data", o.path("central")}, store...)...)
	mustRun(t, "root", "create", "--out", o.root)
	mustRun(t, append([]string{"enrol-desk", "--data", o.path("central"), "--desk", "desk-1", "--device-key", o.path("device.pub.pem"), "--out", o.path("desk")}, store...)...)
	return o
}

func (o *office) path(parts ...string) string {
	return filepath.Join(append([]string{o.dir}, parts...)...)
}

// sign makes an item of seal keys with the private key in root.
func (o *office) sign(root, name, version string) string {
	o.t.Helper()
	out := o.path(name)
	mustRun(o.t, "root", "sign", "--key", filepath.Join(root, "root_private.pem"), "--kind", "seal_keys", "--version", version, "--out", out, o.path("central", "keys", "seal_key"))
	return out
}

// store is the desk's, with the root's public key.
func (o *office) store() *published.Store {
	o.t.Helper()
	root, err := loadRoot(filepath.Join(o.root, rootFile))
	if err != nil {
		o.t.Fatal(err)
	}
	s, err := published.OpenStore(o.path("data-published"), root, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

// queue is the desk's, which seals to the keys that its store has.
func (o *office) queue(s *published.Store) *queue.Queue {
	o.t.Helper()
	q, err := queue.Open(o.t.Context(), queue.Options{
		Dir: o.path("data"), DeskID: "desk-1", Signers: request.Signers{Device: o.device}, MinFree: 1,
		SealKeys: func() ([]hpke.PublicKey, error) {
			r, err := s.Recipients(time.Now(), published.DefaultSealPolicy())
			return r.Keys, err
		},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		if err := q.Close(); err != nil {
			o.t.Error(err)
		}
	})
	return q
}

func (o *office) enqueue(q *queue.Queue) (id string) {
	o.t.Helper()
	id = uuid.Must(uuid.NewV7()).String()
	if _, err := q.Enqueue(o.t.Context(), station.Request{ID: id, Procedure: eid.CitizenLevel2, DueAt: "2026-11-27"}); err != nil {
		o.t.Fatal(err)
	}
	return id
}

// export writes what waits in the desk's queue to a stick.
func (o *office) export(q *queue.Queue, stick string) {
	o.t.Helper()
	rows, err := q.Waiting(o.t.Context(), 10)
	if err != nil {
		o.t.Fatal(err)
	}
	head, err := q.Log(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	_, err = bundle.Export{
		To: stick, Desk: "desk-1", Device: o.device, Rows: rows, Payloads: q, Now: time.Now(),
		Log: wire.Log{LogHead: wire.LogHead{Size: head.Size, Root: head.Root}, Proof: [][]byte{}},
	}.Write(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
}

// take imports a stick of one bundle.
func (o *office) take(stick string, stores ...string) (im bundle.Imported) {
	o.t.Helper()
	args := append([]string{"import", "--data", o.path("central"), "--accept-emulated"}, stores...)
	out := mustRun(o.t, append(args, stick)...)
	if err := json.Unmarshal(out, &im); err != nil {
		o.t.Fatalf("%v in\n%s", err, out)
	}
	return im
}

// serve starts a central that grants everything, and ends it with the test or by
// the function that it returns.
func (o *office) serve(stores ...string) (end func()) {
	o.t.Helper()
	cmd := central(append([]string{"serve", "--data", o.path("central"), "--accept-emulated", "--population", "none", "--exit-on-eof"}, stores...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			o.t.Errorf("central serve: %v\n%s", err, &log)
		}
	})
	o.t.Cleanup(end)
	if line := bufio.NewScanner(out); !line.Scan() || !strings.HasPrefix(line.Text(), "ready ") {
		o.t.Fatalf("central says %q\n%s", line.Text(), &log)
	}
	return end
}

// granted waits until the central has granted n requests and has no others.
func (o *office) granted(n int, stores ...string) {
	o.t.Helper()
	var s status
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out := mustRun(o.t, append([]string{"status", "--data", o.path("central")}, stores...)...)
		s = status{} // a map that is filled again keeps what it had
		if err := json.Unmarshal(out, &s); err != nil {
			o.t.Fatal(err)
		}
		if len(s.States) == 1 && s.States[wire.StateGranted] == n {
			return
		}
	}
	o.t.Fatalf("states %v after 20 s, want %d granted", s.States, n)
}
