package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/bundle"
	"github.com/enrold/enrold/sync/wire"
)

// answeredStick is a desk's queue with one request, and a stick with the receipt
// for it.
type answeredStick struct {
	*queue.Queue
	data, id, answer string
	central          *ecdsa.PrivateKey
}

func newAnsweredStick(t *testing.T) *answeredStick {
	t.Helper()
	d := newRootedDesk(t)
	q, dir, id := queueWithOne(t)
	s := &answeredStick{Queue: q, data: dir, id: id, central: d.root}
	row, err := q.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	stick := t.TempDir()
	device, err := request.LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "device.key"))
	if err != nil {
		t.Fatal(err)
	}
	requests, err := bundle.Export{To: stick, Desk: "desk-1", Device: device, Rows: []queue.Row{row}, Payloads: q, Now: time.Now()}.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	im, err := bundle.Import{Door: receiving{s, device, row}, Receipt: s.central, Now: time.Now}.Take(t.Context(), requests, stick)
	if err != nil || im.Fresh != 1 {
		t.Fatalf("%+v, %v", im, err)
	}
	s.answer = im.Answer
	return s
}

func (s *answeredStick) settle(l bundle.Ledger) bundle.Settle {
	return bundle.Settle{Desk: "desk-1", ReceiptKey: &s.central.PublicKey, Ledger: l, Now: time.Now}
}

func (s *answeredStick) state(t *testing.T) queue.State {
	t.Helper()
	row, err := s.Get(context.Background(), s.id)
	if err != nil {
		t.Fatal(err)
	}
	return row.State
}

// watch runs the daemon's part until the test ends, and returns its log's file.
func watch(t *testing.T, data string, x bundle.Settle) (said func() string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); watchInbox(ctx, data, x, slog.New(slog.NewTextHandler(file, nil))) }()
	t.Cleanup(func() { cancel(); <-ended; file.Close() })
	return func() string {
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 15 s", what)
		}
	}
}

// entries are the names in the inbox.
func entries(t *testing.T, data string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(data, inboxFolder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// TestInboxSettlesWhatIsHandedOver: also twice, and nothing is left.
func TestInboxSettlesWhatIsHandedOver(t *testing.T) {
	s := newAnsweredStick(t)
	said := watch(t, s.data, s.settle(s.Queue))
	for n := 1; n <= 2; n++ {
		if err := handOver(s.data, s.answer); err != nil {
			t.Fatal(err)
		}
		eventually(t, "settled", func() bool {
			return len(entries(t, s.data)) == 0 && strings.Count(said(), "answer from a stick") == n
		})
		if state := s.state(t); state != queue.Received {
			t.Fatalf("state %s\n%s", state, said())
		}
	}
	if !strings.Contains(said(), string(eid.CodeBundleReplayed)) {
		t.Errorf("the second time is not called known:\n%s", said())
	}
	if _, err := os.Stat(filepath.Join(s.data, "payload", s.id)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the payload is still there: %v", err)
	}
}

// TestInboxRefusesAlteredAnswers: they go, and say so; the request stays.
func TestInboxRefusesAlteredAnswers(t *testing.T) {
	s := newAnsweredStick(t)
	manifest := filepath.Join(s.answer, "manifest.cbor")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(manifest, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := handOver(s.data, s.answer); err != nil {
		t.Fatal(err)
	}
	// What no command put there: no bundle at all.
	if err := os.WriteFile(filepath.Join(s.data, inboxFolder, "note.txt"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := watch(t, s.data, s.settle(s.Queue))
	eventually(t, "emptied", func() bool {
		return strings.Contains(said(), "answer from a stick refused") && len(entries(t, s.data)) <= 1
	})
	if state := s.state(t); state != queue.Sealed {
		t.Fatalf("state %s\n%s", state, said())
	}
	if !strings.Contains(said(), string(eid.CodeBundleAltered)) {
		t.Errorf("log:\n%s", said())
	}
}

// stopped is a queue that cannot write for a while.
type stopped struct {
	bundle.Ledger
	calls atomic.Int32
}

func (s *stopped) Received(ctx context.Context, r queue.Statement) error {
	if s.calls.Add(1) == 1 {
		return eid.Fail(eid.CodeDiskFull, "write queue", errors.New("no space"))
	}
	return s.Ledger.Received(ctx, r)
}

// TestInboxKeepsWhatTheQueueCouldNotTake until it can.
func TestInboxKeepsWhatTheQueueCouldNotTake(t *testing.T) {
	s := newAnsweredStick(t)
	if err := handOver(s.data, s.answer); err != nil {
		t.Fatal(err)
	}
	ledger := &stopped{Ledger: s.Queue}
	said := watch(t, s.data, s.settle(ledger))
	eventually(t, "settled at the second look", func() bool { return s.state(t) == queue.Received && len(entries(t, s.data)) == 0 })
	if !strings.Contains(said(), "not taken yet") || ledger.calls.Load() != 2 {
		t.Errorf("%d calls, log:\n%s", ledger.calls.Load(), said())
	}
}

// TestHandOverCopiesPlainFilesWithinBounds and leaves no half behind.
func TestHandOverCopiesPlainFilesWithinBounds(t *testing.T) {
	data, stick := t.TempDir(), t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(stick, "enrold-results-1")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "payload"), 0o700),
		os.WriteFile(filepath.Join(dir, "payload", "one"), []byte("one"), 0o600),
		os.Symlink(secret, filepath.Join(dir, "link")),
		os.Symlink(filepath.Dir(secret), filepath.Join(dir, "folder")),
	); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the command was given twice before the daemon looked
		if err := handOver(data, dir); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(data, inboxFolder, "enrold-results-1")
	if b, err := os.ReadFile(filepath.Join(copied, "payload", "one")); err != nil || !bytes.Equal(b, []byte("one")) {
		t.Fatalf("%q, %v", b, err)
	}
	for _, name := range []string{"link", "folder"} {
		if _, err := os.Lstat(filepath.Join(copied, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was followed or copied: %v", name, err)
		}
	}
	huge := filepath.Join(stick, "enrold-results-2")
	if err := os.Mkdir(huge, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(huge, "huge"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(maxInbox+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := handOver(data, huge); err == nil {
		t.Error("more than the bound was copied")
	}
	if names := entries(t, data); len(names) != 1 {
		t.Errorf("the inbox holds %v", names)
	}
}

// receiving is a central that takes one request.
type receiving struct {
	s      *answeredStick
	device *request.DeviceKey
	row    queue.Row
}

func (g receiving) DeviceKeys(context.Context, string) ([]crypto.PublicKey, error) {
	return []crypto.PublicKey{g.device.Public()}, nil
}

func (g receiving) Accept(context.Context, string, string, []byte) ([]byte, bool, error) {
	about := request.Ident{Desk: "desk-1", Request: g.row.ID, Seq: g.row.Seq}
	receipt, err := wire.SignStatement(g.s.central, wire.NewReceipt(about, g.row.BodyHash, time.Now()))
	return receipt, true, err
}

func (g receiving) Statements(context.Context, string, string) ([][]byte, error) { return nil, nil }

func (g receiving) Log(_ context.Context, _ string, log wire.Log) (wire.LogHead, error) {
	return log.LogHead, nil
}
