package main

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/bundle"
	"github.com/enrold/enrold/sync/wire"
)

// exported is what `queue export --to` prints.
type exported struct {
	Dir      string `json:"dir"`
	Requests int    `json:"requests"`
	Awaiting int    `json:"awaiting"` // received before: their results are asked for
	More     bool   `json:"more"`     // the bundle is full: export again
}

// exportStick writes a bundle for a USB stick, the nearest deadlines first. It
// only reads the queue, so the daemon may run meanwhile.
func exportStick(ctx context.Context, configFile, to string, out io.Writer) (err error) {
	if configFile == "" {
		return errors.New("a bundle is signed by the desk: give its --config")
	}
	cfg, err := config.Load(configFile)
	if err != nil {
		return err
	}
	r, err := queue.OpenReader(ctx, cfg.Desk.Data, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	own, err := keys.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	if err := own.LoadDevice(ctx); err != nil {
		return err
	}
	x := bundle.Export{To: to, Desk: cfg.Desk.ID, Device: own.Device, Payloads: r, Now: time.Now()}
	full, err := fill(ctx, &x, r)
	if err != nil {
		return err
	}
	dir, err := x.Write(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(exported{Dir: dir, Requests: len(x.Rows), Awaiting: len(x.Awaiting), More: full})
}

// fill names what the bundle carries, and proves the log's head as far as the
// central's last answer allows.
func fill(ctx context.Context, x *bundle.Export, r *queue.Reader) (full bool, err error) {
	if x.Rows, err = r.Waiting(ctx, bundle.MaxEntries+1); err != nil {
		return false, err
	}
	if full = len(x.Rows) > bundle.MaxEntries; full {
		x.Rows = x.Rows[:bundle.MaxEntries]
	}
	received, err := r.Awaiting(ctx, bundle.MaxEntries)
	if err != nil {
		return full, err
	}
	granted, err := r.AwaitingActivation(ctx, bundle.MaxEntries-len(received))
	if err != nil {
		return full, err
	}
	for _, row := range append(received, granted...) {
		x.Awaiting = append(x.Awaiting, row.ID)
	}
	head, err := r.Log(ctx)
	if err != nil {
		return full, err
	}
	x.Log = wire.Log{LogHead: wire.LogHead{Size: head.Size, Root: head.Root}, Proof: [][]byte{}}
	return full, nil
}

// queueReceiptsCmd takes the central's answers from a USB stick.
type queueReceiptsCmd struct {
	Config string `required:"" help:"Configuration file of the desk." type:"existingfile"`
	Dir    string `arg:"" help:"The stick, or one bundle on it." type:"existingdir"`
}

// Run settles every answer for this desk. A running daemon owns the queue: then
// the answers are handed over to it.
func (c *queueReceiptsCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	found, err := bundle.FindResults(c.Dir)
	if err != nil {
		return err
	}
	lock, err := store.Lock(cfg.Desk.Data)
	if err != nil {
		for _, dir := range found {
			if err := handOver(cfg.Desk.Data, dir); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(out, "%d answers handed over to the running daemon; its log and the queue say what came of them\n", len(found))
		return err
	}
	if err := lock.Close(); err != nil {
		return fmt.Errorf("unlock queue: %w", err)
	}
	own, err := keys.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	receipt, err := wire.LoadReceiptKey(cfg.Central.ReceiptKey)
	if err != nil {
		return err
	}
	data, err := openCentralData(cfg, log)
	if err != nil {
		return err
	}
	q, err := openQueue(ctx, cfg, &ownKeys{Desk: own}, data, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	return settleAll(ctx, newSettle(cfg, receipt, data, q), found, out)
}

// newSettle is what settles answers of this desk's central in q.
func newSettle(cfg config.Config, receipt *ecdsa.PublicKey, data *centralData, q *queue.Queue) bundle.Settle {
	x := bundle.Settle{Desk: cfg.Desk.ID, ReceiptKey: receipt, Ledger: q, Now: time.Now}
	if data != nil {
		x.Published = data.Store
	}
	return x
}

// settleAll takes all bundles, also after a bad one, and prints a line for each.
func settleAll(ctx context.Context, x bundle.Settle, found []string, out io.Writer) error {
	var failed []error
	for _, dir := range found {
		done, err := x.Take(ctx, dir)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", filepath.Base(dir), err))
			done.Codes = append(done.Codes, eid.CodeOf(err))
		}
		if err := json.NewEncoder(out).Encode(done); err != nil {
			return fmt.Errorf("print report: %w", err)
		}
	}
	return errors.Join(failed...)
}
