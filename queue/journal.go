package queue

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// maxEntry bounds one journalled step; maxEntries the steps of a visit.
const (
	maxEntry   = 16 << 20
	maxEntries = 1000
)

// Journal keeps the open visit's steps, each AES-256-GCM under the visit's own
// random key. The key lives in the kernel's user keyring and nowhere else: a
// killed daemon finds it again, a power cut or Clear ends it, and then the rows
// on the disk are noise. Where the kernel refuses keyrings (containers) the key
// lives in this process and a restart abandons the visit.
type Journal struct {
	db      *store.DB
	log     *slog.Logger
	keyName string // of this data folder's visit key; one visit is open at a time

	mu      sync.Mutex
	keys    keyring
	visit   string      // open visit, "" for none
	aead    cipher.AEAD // of the open visit
	entries int
	refused bool // the kernel refuses keyrings: said once
}

func newJournal(ctx context.Context, dir string, db *store.DB, log *slog.Logger) (*Journal, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	sum := sha256.Sum256([]byte(abs))
	j := &Journal{db: db, log: log, keyName: "enrold:visit:" + hex.EncodeToString(sum[:8])}
	visit, _, err := j.rows(ctx)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if visit == "" { // a crash after Enqueue's commit leaves the key behind
		if err := j.keys.revoke(j.keyName); err != nil {
			j.withoutKeyring(err)
		}
	}
	return j, nil
}

// Append adds a step to the open visit, or opens visitID when none is open. It
// is durable when it returns.
func (j *Journal) Append(ctx context.Context, visitID, step string, data []byte) error {
	const op = "append to journal"
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := request.CheckID(visitID); err != nil {
		return eid.Fail(eid.CodeInput, op, err)
	}
	if len(data) > maxEntry {
		return eid.Fail(eid.CodeInput, op, fmt.Errorf("%d bytes, at most %d", len(data), maxEntry))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.ensure(ctx, visitID); err != nil {
		return fail(op, err)
	}
	if j.entries >= maxEntries {
		return eid.Fail(eid.CodeState, op, errors.New("visit has too many steps"))
	}
	plain, err := cbor.Marshal(station.Entry{Step: step, Data: data})
	if err != nil {
		return fail(op, err)
	}
	number := j.entries + 1
	sealed := j.aead.Seal(nil, nil, plain, entryContext(visitID, number))
	err = j.db.Write(func(tx store.Tx) error {
		_, err := tx.Exec(`INSERT INTO visit_journal (visit_id, number, sealed) VALUES (?, ?, ?)`, visitID, number, sealed)
		return err
	})
	if err != nil {
		return fail(op, err)
	}
	j.entries = number
	return nil
}

// entryContext binds an entry to its visit and place.
func entryContext(visitID string, number int) []byte {
	return fmt.Appendf(nil, "enrold journal v1 %s %d", visitID, number)
}

// ensure makes visitID the open visit.
func (j *Journal) ensure(ctx context.Context, visitID string) error {
	if j.visit == visitID {
		return nil
	}
	if j.visit == "" {
		if _, _, err := j.load(ctx); err != nil && eid.CodeOf(err) != eid.CodeJournalLost {
			return err
		}
	}
	if j.visit == visitID {
		return nil
	}
	if j.visit != "" {
		return eid.Fail(eid.CodeState, "open visit", errors.New("another visit is open"))
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails (crypto/rand)
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	if err := j.keys.put(j.keyName, key); err != nil {
		j.withoutKeyring(err)
	}
	clear(key)
	j.visit, j.aead, j.entries = visitID, aead, 0
	return nil
}

// withoutKeyring notes, once, that keys live in this process only.
func (j *Journal) withoutKeyring(cause error) {
	if !j.refused {
		j.refused = true
		j.log.Warn("kernel keyring refused: a restart will abandon the open visit", "error", cause)
	}
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("journal cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Load returns the open visit and its steps, "" when none is open. When its key
// is gone or a step does not open, the rows are deleted and the error is
// N-VISIT-ABANDONED.
func (j *Journal) Load(ctx context.Context) (string, []station.Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	visit, entries, err := j.load(ctx)
	if err != nil {
		return visit, nil, fail("load journal", err)
	}
	return visit, entries, nil
}

func (j *Journal) load(ctx context.Context) (string, []station.Entry, error) {
	visit, sealed, err := j.rows(ctx)
	if err != nil {
		return "", nil, err
	}
	if visit == "" {
		return "", nil, nil
	}
	aead, err := j.key(visit)
	if err != nil {
		return visit, nil, j.abandon(visit, err)
	}
	entries := make([]station.Entry, len(sealed))
	for i, s := range sealed {
		plain, err := aead.Open(nil, nil, s, entryContext(visit, i+1))
		if err != nil {
			return visit, nil, j.abandon(visit, errors.New("an entry does not open"))
		}
		if err := cbor.Unmarshal(plain, &entries[i]); err != nil {
			return visit, nil, j.abandon(visit, errors.New("an entry is malformed"))
		}
	}
	j.visit, j.aead, j.entries = visit, aead, len(entries)
	return visit, entries, nil
}

func (j *Journal) key(visit string) (cipher.AEAD, error) {
	if visit == j.visit {
		return j.aead, nil
	}
	key, err := j.keys.get(j.keyName)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newAEAD(key)
}

// abandon deletes the rows of a visit that cannot be read any more.
func (j *Journal) abandon(visit string, cause error) error {
	if err := j.erase(visit); err != nil {
		return err
	}
	return eid.Fail(eid.CodeJournalLost, "open visit", cause)
}

// rows returns the visit in the table and its sealed entries in order.
func (j *Journal) rows(ctx context.Context) (visit string, sealed [][]byte, err error) {
	err = j.db.Read.QueryRowContext(ctx, `SELECT visit_id FROM visit_journal LIMIT 1`).Scan(&visit)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	rows, err := j.db.Read.QueryContext(ctx, `SELECT sealed FROM visit_journal WHERE visit_id = ? ORDER BY number LIMIT ?`, visit, maxEntries)
	if err != nil {
		return "", nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s []byte
		if err := rows.Scan(&s); err != nil {
			return "", nil, err
		}
		sealed = append(sealed, s)
	}
	return visit, sealed, rows.Err()
}

// Clear ends a visit: its rows are deleted and its key is revoked.
func (j *Journal) Clear(ctx context.Context, visitID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return fail("clear journal", j.erase(visitID))
}

func (j *Journal) erase(visitID string) error {
	err := j.db.Write(func(tx store.Tx) error {
		_, err := tx.Exec(`DELETE FROM visit_journal WHERE visit_id = ?`, visitID)
		return err
	})
	if err != nil {
		return err
	}
	j.drop(visitID)
	return nil
}

// forget follows a deletion of the rows that Enqueue committed.
func (j *Journal) forget(visitID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.drop(visitID)
}

func (j *Journal) drop(visitID string) {
	if j.visit == visitID {
		j.visit, j.aead, j.entries = "", nil, 0
	}
	if err := j.keys.revoke(j.keyName); err != nil && !j.refused {
		j.log.Warn("journal key not revoked", "error", err)
	}
}
