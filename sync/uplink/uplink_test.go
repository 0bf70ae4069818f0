package uplink_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	l := &line{t: t, folder: t.TempDir(), decide: intake.Verdict{Granted: true}}
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
	err = errors.Join(registry.Register(deskID, cert, device.Public().(*ecdsa.PublicKey)), registry.Close())
	if err != nil {
		t.Fatal(err)
	}
	seal, err := request.LoadSealKey(l.path("desk", "seal_key"))
	if err != nil {
		t.Fatal(err)
	}
	l.queue, err = queue.Open(t.Context(), queue.Options{Dir: l.path("data"), DeskID: deskID, Signer: device, Recipient: seal, MinFree: 1})
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
		if r.Method == http.MethodPut {
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

// Decide implements intake.Decider.
func (l *line) Decide(context.Context, request.Body) (intake.Verdict, error) { return l.decide, nil }

func (l *line) enqueue() string {
	l.t.Helper()
	r := station.Request{ID: uuid.Must(uuid.NewV7()).String(), DueAt: "2026-11-20", Portraits: []eid.FaceSample{{JPEG: make([]byte, 100_000)}}}
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

func TestGranted(t *testing.T) {
	l := newLine(t)
	l.central()
	row := l.until(l.enqueue(), state(queue.Granted))
	if row.Attempts != 1 || !row.Receipt || row.SyncMS <= 0 || row.Error != "" {
		t.Fatalf("row = %+v", row)
	}
	if l.payloads() != 0 {
		t.Fatal("the payload outlived its receipt")
	}
	if !l.uplink.Online() {
		t.Fatal("the uplink says it is offline")
	}
	t.Logf("first byte to verified result: %d ms", row.SyncMS)
}

func TestRejected(t *testing.T) {
	l := newLine(t)
	l.decide = intake.Verdict{Reason: "finger_no_match"}
	l.central()
	row := l.until(l.enqueue(), state(queue.Rejected))
	if row.Reason != "finger_no_match" || row.Error != eid.CodeRejected {
		t.Fatalf("row = %+v", row)
	}
}

func TestOfflineThenUp(t *testing.T) {
	l := newLine(t)
	id := l.enqueue()
	row := l.until(id, func(r queue.Row) bool { return r.Attempts >= 3 })
	if row.State != queue.Sealed || row.Error != eid.CodeOffline || l.uplink.Online() {
		t.Fatalf("row while the central is down = %+v", row)
	}
	l.central()
	up := time.Now()
	row = l.until(id, state(queue.Granted))
	if took := time.Since(up); took > 3*time.Second || row.Attempts < 4 || row.Error != "" {
		t.Fatalf("%v after the central came up: %+v", took, row)
	}
}

func TestCentralDiesAtEachPoint(t *testing.T) {
	for name, between := range map[string]func(w http.ResponseWriter, r *http.Request, in http.Handler){
		"before it reads": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
		"in the middle of a body": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			panic(http.ErrAbortHandler)
		},
		"after it stored": func(_ http.ResponseWriter, r *http.Request, in http.Handler) {
			in.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
		"in the middle of the receipt": func(w http.ResponseWriter, r *http.Request, in http.Handler) {
			answer := httptest.NewRecorder()
			in.ServeHTTP(answer, r)
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(answer.Body.Bytes()[:20])
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			var cuts atomic.Int32
			l.between = func(w http.ResponseWriter, r *http.Request, in http.Handler) {
				if r.Method == http.MethodPut && cuts.Add(1) <= 2 {
					between(w, r, in)
				}
				in.ServeHTTP(w, r)
			}
			stop := l.central()
			id := l.enqueue()
			l.until(id, func(r queue.Row) bool { return r.Attempts >= 2 })
			stop() // and the whole process, too
			l.central()
			l.until(id, state(queue.Granted))
			if l.rows() != 1 || l.payloads() != 0 {
				t.Fatalf("central stored %d, desk keeps %d", l.rows(), l.payloads())
			}
		})
	}
}

func TestWrongReceiptPurgesNothing(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(l *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement){
		"another key": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) { return stranger, s },
		"another body": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) {
			s.BodyHash = make([]byte, request.HashSize)
			return nil, s
		},
		"another desk": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) {
			s.DeskID = "desk-2"
			return nil, s
		},
		"another number": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) { s.Seq++; return nil, s },
		"a result": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) {
			s.Kind, s.State = wire.KindResult, wire.StateGranted
			return nil, s
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			l.between = func(w http.ResponseWriter, r *http.Request, in http.Handler) {
				answer := httptest.NewRecorder()
				in.ServeHTTP(answer, r)
				_, receipt, err := authority.Keys(l.path("central", "keys"))
				if err != nil {
					t.Error(err)
				}
				s, err := wire.VerifyStatement(&receipt.PublicKey, answer.Body.Bytes())
				if err != nil {
					t.Error(err)
				}
				key, s := spoil(l, s)
				if key == nil {
					key = receipt
				}
				forged, err := wire.SignStatement(key, s)
				if err != nil {
					t.Error(err)
				}
				_, _ = w.Write(forged)
			}
			l.central()
			row := l.until(l.enqueue(), func(r queue.Row) bool { return r.Attempts >= 2 })
			if row.State != queue.Sealed || row.Error != eid.CodeReceipt || row.Receipt || l.payloads() != 1 {
				t.Fatalf("%d payloads, row = %+v", l.payloads(), row)
			}
		})
	}
}

func TestHardRefusalStepsAside(t *testing.T) {
	l := newLine(t)
	refuse := true
	l.between = func(w http.ResponseWriter, r *http.Request, in http.Handler) {
		if r.Method == http.MethodPut && refuse {
			refuse = false
			wire.WriteProblem(w, http.StatusUnprocessableEntity, wire.ReasonNotAuthentic)
			return
		}
		in.ServeHTTP(w, r)
	}
	l.central()
	poison := l.enqueue()
	row := l.until(poison, state(queue.Refused))
	if row.Error != eid.CodeSyncRefused || row.Reason != string(wire.ReasonNotAuthentic) || row.Attempts != 1 {
		t.Fatalf("row = %+v", row)
	}
	l.until(l.enqueue(), state(queue.Granted)) // others pass it
	time.Sleep(300 * time.Millisecond)
	if n := l.puts.Load(); n != 2 {
		t.Fatalf("%d uploads, want 2: the refused one is not tried again", n)
	}
	if l.payloads() != 1 {
		t.Fatal("the refused request lost its payload")
	}
}

func TestRefusedDeskKeepsItsRequests(t *testing.T) {
	l := newLine(t)
	registry, err := intake.OpenRegistry(t.Context(), l.path("central"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(registry.Revoke(deskID), registry.Close()); err != nil {
		t.Fatal(err)
	}
	l.central()
	row := l.until(l.enqueue(), func(r queue.Row) bool { return r.Attempts >= 2 })
	if row.State != queue.Sealed || row.Error != eid.CodeSyncRefused || row.Reason != string(wire.ReasonUnknownDesk) {
		t.Fatalf("row = %+v", row)
	}
}

func TestDamagedPayloadStepsAside(t *testing.T) {
	l := newLine(t)
	id := l.enqueue()
	name := l.path("data", "payload", id)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.ToUpper(data), 0o600); err != nil {
		t.Fatal(err)
	}
	l.central()
	if row := l.until(id, state(queue.Refused)); row.Error != eid.CodeQueue || l.puts.Load() != 0 {
		t.Fatalf("%d uploads, row = %+v", l.puts.Load(), row)
	}
}
