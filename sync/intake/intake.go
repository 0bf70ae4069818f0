// Package intake is the central's end of the wire: it takes sealed requests of
// registered desks exactly once, answers each with a signed receipt, has them
// decided in the background and serves the signed results. In its folder:
//
//	central.db        desks and requests; nothing about a person
//	payload/ID-HASH   sealed bytes as received
//	lock              one process at a time
package intake

import (
	"context"
	"crypto"
	"crypto/hpke"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/wire"
)

const (
	applicationID = 0x656e7263 // "enrc"
	payloadFolder = "payload"
	// atOnce bounds what is opened and verified at the same time.
	atOnce = 16
	// bodyBytes bounds the sealed bytes in memory. It counts bytes and not
	// connections, so that desks on slow links do not keep the others out.
	bodyBytes = 512 << 20
)

//go:embed migrations/*.sql
var migrations embed.FS

// Decider compares an opened request with the central's own records. It may
// wait for what it needs (models, a database); an error means "not now", and the
// request is tried again.
type Decider interface {
	Decide(ctx context.Context, body request.Body) (Verdict, error)
}

// Verdict is a decision; Reason says why not, "" when granted.
type Verdict struct {
	Granted bool
	Reason  wire.Reason
}

// Options of an intake; all but AcceptEmulated and Log are required.
type Options struct {
	Dir     string
	SealKey hpke.PrivateKey // opens requests
	Receipt crypto.Signer   // signs receipts and results: ECDSA P-256
	Decider Decider
	// AcceptEmulated admits samples of emulated devices and software device
	// keys. A production central leaves it false.
	AcceptEmulated bool
	Log            *slog.Logger
}

// Intake is one central's intake. Handler serves, Run decides.
type Intake struct {
	o       Options
	db      *store.DB
	desks   *Registry
	lock    *os.File
	payload string
	bodies  *semaphore.Weighted // bytes of bodies that are being read
	slots   chan struct{}
	wake    chan struct{} // a request waits for a decision

	mu      sync.Mutex
	decided chan struct{} // closed and replaced at each decision
}

// Open opens or makes the intake in o.Dir.
func Open(ctx context.Context, o Options) (*Intake, error) {
	if o.SealKey == nil || o.Receipt == nil || o.Decider == nil {
		return nil, errors.New("open intake: seal key, receipt key and decider are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	in := &Intake{
		o: o, payload: filepath.Join(o.Dir, payloadFolder),
		bodies: semaphore.NewWeighted(bodyBytes), slots: make(chan struct{}, atOnce), wake: make(chan struct{}, 1), decided: make(chan struct{}),
	}
	if err := in.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open intake: %w", err), in.Close())
	}
	return in, nil
}

func (in *Intake) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(in.payload, 0o700); err != nil {
		return err
	}
	if in.lock, err = store.Lock(in.o.Dir); err != nil {
		return err
	}
	if in.db, err = openDB(ctx, in.o.Dir); err != nil {
		return err
	}
	in.desks = &Registry{db: in.db}
	return in.sweep(ctx)
}

func openDB(ctx context.Context, dir string) (*store.DB, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, filepath.Join(dir, "central.db"), store.Schema{ApplicationID: applicationID, Migrations: sub})
}

// sweep removes files of requests that were never acknowledged.
func (in *Intake) sweep(ctx context.Context) error {
	var failed error
	removed, err := store.Sweep(in.payload, func(name string) bool {
		var n int
		if err := in.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM request WHERE payload = ?`, name).Scan(&n); err != nil {
			failed = err
			return true
		}
		return n > 0
	})
	if removed > 0 {
		in.o.Log.Info("stale payload files removed", "count", removed)
	}
	return errors.Join(err, failed)
}

// Handler serves the wire. Its server must ask for client certificates
// (wire.Files.ServerTLS).
func (in *Intake) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(wire.PatternRequest, in.receive)
	mux.HandleFunc(wire.PatternResult, in.result)
	return mux
}

// Close closes the store; the server and Run must have ended.
func (in *Intake) Close() error {
	var err error
	if in.db != nil {
		err = in.db.Close()
	}
	if in.lock != nil {
		err = errors.Join(err, in.lock.Close())
	}
	return err
}
