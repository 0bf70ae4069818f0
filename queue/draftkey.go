package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

// DraftKey is a key in hardware that only this machine has: what Seal returns
// only Unseal of the same hardware opens (TPM 2.0 part 1 §27, sealed data object).
type DraftKey interface {
	Seal(secret []byte) ([]byte, error)
	Unseal(sealed []byte) ([]byte, error)
}

// draftKeys keep the open visit's key where a killed daemon finds it again.
// begin stores it for a new visit, find gets it back, and end makes it
// unreachable. find answers N-VISIT-ABANDONED where the key is gone for good.
type draftKeys interface {
	begin(visit string, key []byte) error
	find(wrapped []byte) ([]byte, error)
	end()
}

func newDraftKeys(q *Queue) (draftKeys, error) {
	if q.o.DraftKey != nil {
		return hardwareDrafts{q}, nil
	}
	abs, err := filepath.Abs(q.o.Dir)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	sum := sha256.Sum256([]byte(abs))
	return &keyringDrafts{name: "enrold:visit:" + hex.EncodeToString(sum[:8]), log: q.o.Log}, nil
}

// hardwareDrafts put the visit's key, sealed by the hardware, in front of the
// visit's steps. It outlives a power cut and goes with the steps, in the same
// transaction; Tidy then wipes it out of the database's log.
type hardwareDrafts struct{ q *Queue }

func (h hardwareDrafts) begin(visit string, key []byte) error {
	wrapped, err := h.q.o.DraftKey.Seal(key)
	if err != nil {
		return fmt.Errorf("seal visit key: %w", err)
	}
	return h.q.write(func(tx store.Tx) error { return insertStep(tx, visit, 0, wrapped) })
}

func (h hardwareDrafts) find(wrapped []byte) ([]byte, error) {
	const op = "open visit key"
	if wrapped == nil { // begun without the hardware
		return nil, eid.Fail(eid.CodeJournalLost, op, errNoKey)
	}
	key, err := h.q.o.DraftKey.Unseal(wrapped)
	if err != nil {
		// A hardware error keeps its own code: the visit may be read once it works.
		if _, ok := errors.AsType[*eid.Error](err); ok {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		return nil, eid.Fail(eid.CodeJournalLost, op, err)
	}
	return key, nil
}

func (hardwareDrafts) end() {}

// keyringDrafts put the key into the kernel's user keyring and nowhere else: a
// power cut ends it. Where the kernel refuses keyrings (containers) the key lives
// in this process and a restart abandons the visit.
type keyringDrafts struct {
	name    string // of this data folder's visit key; one visit is open at a time
	keys    keyring
	log     *slog.Logger
	refused bool // said once
}

func (k *keyringDrafts) begin(_ string, key []byte) error {
	k.said(k.keys.put(k.name, key))
	return nil
}

func (k *keyringDrafts) find([]byte) ([]byte, error) {
	key, err := k.keys.get(k.name)
	if err != nil {
		return nil, eid.Fail(eid.CodeJournalLost, "find visit key", err)
	}
	return key, nil
}

func (k *keyringDrafts) end() { k.said(k.keys.revoke(k.name)) }

func (k *keyringDrafts) said(err error) {
	if err != nil && !k.refused {
		k.refused = true
		k.log.Warn("kernel keyring refused: a restart will abandon the open visit", "error", err)
	}
}
