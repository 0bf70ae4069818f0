package intake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// door is the intake as package upload sees it.
type door struct{ in *Intake }

// problem makes a refusal what package upload understands.
func problem(err error) error {
	if p, ok := AsRefusal(err); ok {
		return p
	}
	return err
}

func (d door) Caller(r *http.Request) (string, error) {
	desk, err := d.in.Caller(r)
	return desk.ID, problem(err)
}

func (d door) Accept(ctx context.Context, desk, id string, sealed []byte) ([]byte, error) {
	known, err := d.in.Desk(ctx, desk)
	if err != nil {
		return nil, problem(err)
	}
	receipt, _, err := d.in.Accept(ctx, known, id, sealed)
	return receipt, problem(err)
}

func (d door) Known(ctx context.Context, desk, id string, hash []byte) ([]byte, error) {
	receipt, err := d.in.known(ctx, desk, id, hash)
	return receipt, problem(err)
}

// ledger is the vault as package upload sees it.
type ledger struct{ in *Intake }

func (l ledger) Announced(ctx context.Context, desk string, requests []wire.Announcement) error {
	var all []vault.Announcement
	for _, a := range requests {
		all = append(all, vault.Announcement{Desk: desk, ID: a.ID, Hash: a.Hash, Size: a.Size, Deadline: a.Due, At: time.Now()})
	}
	return l.in.o.Vault.Announce(ctx, all)
}

// Log keeps the head of a desk's audit log when it extends the kept one. When
// it contradicts that, the desk's log was cut, rewritten or rolled back: an
// alarm, and the kept head stays.
func (l ledger) Log(ctx context.Context, desk string, log wire.Log) (kept wire.LogHead, err error) {
	v := l.in.o.Vault
	for {
		if kept, err = v.Head(ctx, desk); err != nil {
			return wire.LogHead{}, err
		}
		if err := log.Extends(kept); err != nil {
			if errors.Is(err, wire.ErrLog) {
				err = errors.Join(err, v.Raise(ctx, vault.Alarm{
					Desk: desk, Code: vault.AlarmLog, At: time.Now(),
					Detail: fmt.Sprintf("kept=%d shown=%d root=%s", kept.Size, log.Size, hex.EncodeToString(log.Root[:min(8, len(log.Root))])),
				}))
			}
			return kept, err
		}
		if log.Size == kept.Size {
			return kept, nil
		}
		err = v.Advance(ctx, desk, kept, log.LogHead)
		if !errors.Is(err, vault.ErrChanged) {
			return log.LogHead, err
		}
	}
}
