package uplink_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/hpke"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

const deskID = "desk-1"

// line is a desk's queue, its uplink and a central behind real TLS.
type line struct {
	t      *testing.T
	folder string
	addr   string
	queue  *queue.Queue
	uplink *uplink.Uplink
	puts   atomic.Int32
	rows   func() int // requests that the central has stored

	decide intake.Verdict
	// between, when set, serves instead of the intake.
	between func(w http.ResponseWriter, r *http.Request, in http.Handler)
}

// newLine makes both ends; the central is down until central is called.
func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{t: t, folder: t.TempDir(), decide: intake.Verdict{State: wire.StateGranted}}
	if err := authority.Create(l.path("central", "keys"), []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	device, err := request.LoadOrCreateDeviceKey(l.path("device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.EnrolDesk(l.path("central", "keys"), l.path("desk"), deskID)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := intake.OpenRegistry(t.Context(), l.path("central"))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(registry.Register(t.Context(), deskID, cert, device.Public().(*ecdsa.PublicKey)), registry.Close())
	if err != nil {
		t.Fatal(err)
	}
	seal, err := request.LoadSealKey(l.path("desk", "seal_key"))
	if err != nil {
		t.Fatal(err)
	}
	l.queue, err = queue.Open(t.Context(), queue.Options{Dir: l.path("data"), DeskID: deskID, Signers: request.Signers{Device: device}, Recipients: []hpke.PublicKey{seal}, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.queue.Close() })
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.addr = reserved.Addr().String()
	reserved.Close()
	l.start()
	return l
}

func (l *line) path(parts ...string) string {
	return filepath.Join(append([]string{l.folder}, parts...)...)
}

// start runs the uplink until the test ends.
func (l *line) start() {
	l.t.Helper()
	conf, err := wire.Files{CA: l.path("desk", "ca.pem"), Cert: l.path("desk", "cert.pem"), Key: l.path("desk", "key.pem")}.ClientTLS()
	if err != nil {
		l.t.Fatal(err)
	}
	receipt, err := wire.LoadReceiptKey(l.path("desk", "receipt_key.pem"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.uplink, err = uplink.New(uplink.Options{URL: "https://" + l.addr, TLS: conf, DeskID: deskID, ReceiptKey: receipt, Queue: l.queue})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.uplink.Run(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	})
}

// central brings the central up and returns what ends it.
func (l *line) central() (stop func()) {
	l.t.Helper()
	seal, receipt, err := authority.Keys(l.path("central", "keys"))
	if err != nil {
		l.t.Fatal(err)
	}
	in, err := intake.Open(context.Background(), intake.Options{
		Dir: l.path("central"), SealKey: seal, Receipt: receipt, Decider: l, AcceptEmulated: true,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	conf, err := authority.Files(l.path("central", "keys")).ServerTLS()
	if err != nil {
		l.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sends(r) {
			l.puts.Add(1)
		}
		if l.between != nil {
			l.between(w, r, in.Handler())
			return
		}
		in.Handler().ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener, server.TLS = listener, conf
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	l.rows = func() int { return len(must(filepath.Glob(l.path("central", "payload", "*")))) }
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		server.CloseClientConnections()
		server.Close()
		if err := errors.Join(<-ended, in.Close()); err != nil {
			l.t.Error(err)
		}
	}
	l.t.Cleanup(stop)
	return stop
}

func must(names []string, err error) []string {
	if err != nil {
		panic(err)
	}
	return names
}

// sends says whether r carries a request's bytes.
func sends(r *http.Request) bool { return r.Method == http.MethodPut || r.Method == http.MethodPatch }

// Decide implements intake.Decider.
func (l *line) Decide(context.Context, request.Body) (intake.Verdict, error) { return l.decide, nil }

func (l *line) enqueue() string {
	l.t.Helper()
	r := station.Request{ID: uuid.Must(uuid.NewV7()).String(), DueAt: "2026-11-20", Portraits: []eid.PortraitRecord{{Record: make([]byte, 100_000)}}}
	if _, err := l.queue.Enqueue(l.t.Context(), r); err != nil {
		l.t.Fatal(err)
	}
	return r.ID
}

// until waits for a row that satisfies ok.
func (l *line) until(id string, ok func(queue.Row) bool) queue.Row {
	l.t.Helper()
	var row queue.Row
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var err error
		if row, err = l.queue.Get(l.t.Context(), id); err != nil {
			l.t.Fatal(err)
		}
		if ok(row) {
			return row
		}
	}
	l.t.Fatalf("row stays %+v", row)
	return row
}

func state(want queue.State) func(queue.Row) bool {
	return func(r queue.Row) bool { return r.State == want }
}

func (l *line) payloads() int { return len(must(filepath.Glob(l.path("data", "payload", "*")))) }
