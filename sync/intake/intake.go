// Package intake is the central's end of the wire: it takes sealed requests of
// registered desks exactly once, answers each with a signed receipt, has them
// decided in the background and serves the signed results. It keeps no state of
// its own: what it knows is in a vault (who, when, which hash, which result) and
// in a payload store (the sealed bytes), so that several processes can stand
// side by side. Without others named, both are in its folder:
//
//	central.db        desks, requests, results; nothing about a person
//	payload/ID-HASH   sealed bytes as received
//	upload/           resumable uploads under way
//	lock              one process at a time
package intake

import (
	"context"
	"crypto"
	"crypto/hpke"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/intake/payload"
	"github.com/enrold/enrold/sync/intake/upload"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
	"github.com/enrold/enrold/sync/wire"
)

const (
	// atOnce bounds what is opened and verified at the same time.
	atOnce = 16
	// bodyBytes bounds the sealed bytes in memory. It counts bytes and not
	// connections, so that desks on slow links do not keep the others out.
	bodyBytes = 512 << 20
	// staleAfter is how long another process may take between a payload and the
	// row that names it.
	staleAfter = time.Hour
	// uploadKept is how long an upload may pause.
	uploadKept = 7 * 24 * time.Hour
	cleanEvery = time.Hour
	// parallel is how many decisions run at the same time by default.
	parallel = 4
)

// Decider compares an opened request with the deciding databases. It may wait
// for what it needs; an error means "not now", and the request is tried again
// later. It is asked again after a verdict of wire.StateAccepted, or Resumer is.
type Decider interface {
	Decide(ctx context.Context, body request.Body) (Verdict, error)
}

// Resumer is what a Decider may be as well: it is asked instead of Decide for a
// request that it accepted then.
type Resumer interface {
	Resume(ctx context.Context, body request.Body, accepted time.Time) (Verdict, error)
}

// Verdict is the next state of a request: accepted, needs_correction, granted or
// rejected.
type Verdict struct {
	State  wire.State
	Reason wire.Reason   // why rejected or to be corrected, "" otherwise
	After  time.Duration // accepted: when to ask again
}

// Payloads keep sealed bytes under names; payload.Folder and payload.S3 do.
type Payloads interface {
	Put(ctx context.Context, name string, sealed []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
	Remove(ctx context.Context, name string) error
	Sweep(ctx context.Context, before time.Time, keep func(name string) (bool, error)) (int, error)
}

// Options of an intake; SealKey, Receipt, Decider and Dir or all of Vault,
// Payloads and Parts are required.
type Options struct {
	Dir string
	// Vault, Payloads and Parts are used instead of those in Dir, and left open.
	// Another process may use them, too.
	Vault    vault.Vault
	Payloads Payloads
	Parts    upload.Parts

	SealKey   hpke.PrivateKey   // opens requests
	OlderKeys []hpke.PrivateKey // those that desks may still seal to
	// Keys is asked, where it is given, for a request that none of the above
	// opens: a key that was made since the start.
	Keys     func() ([]hpke.PrivateKey, error)
	Receipt  crypto.Signer // signs receipts and results: ECDSA P-256
	Decider  Decider
	Parallel int // decisions at the same time; 0 for a default
	// AcceptEmulated admits samples of emulated devices and software keys. A
	// production central leaves it false.
	AcceptEmulated bool
	Log            *slog.Logger
}

// Intake is one process of a central. Handler serves, Run decides.
type Intake struct {
	o       Options
	shared  bool // other processes may use the vault
	close   []func() error
	bodies  *semaphore.Weighted // bytes of bodies that are being read
	slots   chan struct{}
	wake    chan struct{} // a request waits for a decision
	handler http.Handler

	mu      sync.Mutex
	decided chan struct{} // closed and replaced at each decision
}

// Open opens or makes the intake.
func Open(ctx context.Context, o Options) (*Intake, error) {
	if o.SealKey == nil || o.Receipt == nil || o.Decider == nil {
		return nil, errors.New("open intake: seal key, receipt key and decider are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Parallel == 0 {
		o.Parallel = parallel
	}
	in := &Intake{
		o: o, shared: o.Vault != nil, bodies: semaphore.NewWeighted(bodyBytes), slots: make(chan struct{}, atOnce),
		wake: make(chan struct{}, 1), decided: make(chan struct{}),
	}
	if err := in.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open intake: %w", err), in.Close())
	}
	in.handler = in.routes()
	return in, nil
}

func (in *Intake) open(ctx context.Context) (err error) {
	o := &in.o
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return err
		}
	} else if o.Vault == nil || o.Payloads == nil || o.Parts == nil {
		return errors.New("no folder, and not all stores are named")
	}
	if o.Vault == nil {
		lock, err := store.Lock(o.Dir)
		if err != nil {
			return err
		}
		in.close = append(in.close, lock.Close)
		v, err := sqlvault.OpenSQLite(ctx, o.Dir)
		if err != nil {
			return err
		}
		in.close = append(in.close, v.Close)
		o.Vault = v
	}
	if o.Payloads == nil {
		if o.Payloads, err = payload.OpenFolder(filepath.Join(o.Dir, "payload")); err != nil {
			return err
		}
	}
	if o.Parts == nil {
		if o.Parts, err = upload.OpenFolder(filepath.Join(o.Dir, "upload")); err != nil {
			return err
		}
	}
	if in.shared {
		return in.clean(ctx, time.Now().Add(-staleAfter))
	}
	// Nobody else can be at work: what an earlier process claimed is free.
	return errors.Join(o.Vault.Release(ctx, time.Now()), in.clean(ctx, time.Now()))
}

// clean removes payloads, older than before, of requests that were never
// acknowledged, and uploads that nobody goes on with.
func (in *Intake) clean(ctx context.Context, before time.Time) error {
	removed, err := in.o.Payloads.Sweep(ctx, before, func(name string) (bool, error) { return in.o.Vault.Names(ctx, name) })
	if err != nil {
		return err
	}
	dropped := 0
	if parts, ok := in.o.Parts.(interface{ Sweep(time.Time) (int, error) }); ok {
		if dropped, err = parts.Sweep(time.Now().Add(-uploadKept)); err != nil {
			return err
		}
	}
	if removed > 0 || dropped > 0 {
		in.o.Log.Info("stale payloads and uploads removed", "payloads", removed, "uploads", dropped)
	}
	return nil
}

// Handler serves the wire. Its server must ask for client certificates
// (wire.Files.ServerTLS).
func (in *Intake) Handler() http.Handler { return in.handler }

// Patterns are the routes of Handler, in the form of http.ServeMux. Those of the
// resumable uploads are one: package upload tells its methods apart.
func Patterns() []string {
	return []string{wire.PatternAnnounce, wire.PatternRequest, wire.PatternResult, PatternStatus, wire.UploadsPath}
}

func (in *Intake) routes() http.Handler {
	uploads := upload.NewHandler(upload.Options{Door: door{in}, Parts: in.o.Parts, Ledger: ledger{in}, Log: in.o.Log})
	handlers := map[string]http.Handler{
		wire.PatternAnnounce: uploads, wire.UploadsPath: uploads,
		wire.PatternRequest: http.HandlerFunc(in.receive),
		wire.PatternResult:  http.HandlerFunc(in.result),
		PatternStatus:       http.HandlerFunc(in.status),
	}
	mux := http.NewServeMux()
	for _, p := range Patterns() {
		mux.Handle(p, handlers[p])
	}
	return mux
}

// Close closes what Open opened; the server and Run must have ended.
func (in *Intake) Close() error {
	var err error
	for i := len(in.close) - 1; i >= 0; i-- {
		err = errors.Join(err, in.close[i]())
	}
	in.close = nil
	return err
}
