package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/facewatch"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/faces"
)

// faceWatch is the desk's watch over the faces of its unsent requests. It is an
// aid: where it cannot be had, the desk works without and says so in its log.
type faceWatch struct {
	*facewatch.Watch // nil without
	log              *slog.Logger
}

func openFaceWatch(cfg config.Config, own *ownKeys, r *rooms, q *queue.Queue, log *slog.Logger) faceWatch {
	w, err := facewatch.Open(facewatch.Options{
		Dir: cfg.Desk.Data, Key: faceKey(cfg, own.Desk), Now: time.Now, Log: log,
		Describe: func(ctx context.Context, live []eid.FaceSample) (facewatch.Description, error) {
			d, err := r.vision.DescribeFaces(ctx, live)
			return facewatch.Description(d), err
		},
		Waits: func(ctx context.Context, id string) (bool, error) {
			_, found, err := q.Find(ctx, id)
			if err != nil || !found {
				return false, err
			}
			row, err := q.Get(ctx, id)
			return !row.Receipt, err
		},
	})
	if err != nil {
		log.Warn("the desk does not look for one face under two identities", "error", err)
		return faceWatch{log: log}
	}
	return faceWatch{w, log}
}

// faceKey is the TPM, or the kernel's keyring.
func faceKey(cfg config.Config, own *keys.Desk) faces.Key {
	if own.Drafts != nil {
		return own.Drafts
	}
	dir, err := filepath.Abs(cfg.Desk.Data)
	if err != nil {
		dir = cfg.Desk.Data
	}
	sum := sha256.Sum256([]byte(dir))
	return queue.NewMemoryKey("enrold:faces:" + hex.EncodeToString(sum[:8]))
}

// seen is station.Options.Seen.
func (w faceWatch) seen() station.SeenBefore {
	if w.Watch == nil {
		return nil
	}
	return w.Seen
}

func (w faceWatch) ended(o station.Outcome) {
	if w.Watch == nil {
		return
	}
	if err := w.Ended(o.VisitID, o.End == station.StepDone); err != nil {
		w.log.Warn("the face of a queued request is not kept", "visit", o.VisitID, "error", err)
	}
}

// settleFor lets receipts that come together be one change of the file.
const settleFor = 3 * time.Second

// sweepEvery also ends faces whose time is over while the queue stands still.
const sweepEvery = time.Hour

// run wipes faces whose requests were received, until ctx ends.
func (w faceWatch) run(ctx context.Context, q *queue.Queue) {
	if w.Watch == nil {
		return
	}
	changes, end := q.Changes()
	defer end()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := w.Sweep(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("faces of sent requests are not wiped yet", "error", err)
		}
		select {
		case <-changes:
			select {
			case <-time.After(settleFor):
			case <-ctx.Done():
				return
			}
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w faceWatch) close() error {
	if w.Watch == nil {
		return nil
	}
	return w.Close()
}
