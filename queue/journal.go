package queue

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
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
// random key (see draftKeys). A killed daemon finds the key again; Clear ends it,
// and then the rows on the disk are noise.
type Journal struct {
	q   *Queue
	log *slog.Logger

	mu      sync.Mutex
	keys    draftKeys
	visit   string      // open visit, "" for none
	aead    cipher.AEAD // of the open visit
	entries int
}

func newJournal(ctx context.Context, q *Queue) (*Journal, error) {
	keys, err := newDraftKeys(q)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{q: q, log: q.o.Log, keys: keys}
	visit, _, err := j.rows(ctx)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if visit == "" { // a crash after Enqueue's commit leaves the key behind
		j.keys.end()
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
	sealed := j.aead.Seal(nil, nil, plain, entryContext(visitID, number)) //nolint:gosec // this AEAD makes its own random nonce
	if err := j.q.write(func(tx store.Tx) error { return insertStep(tx, visitID, number, sealed) }); err != nil {
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
	defer clear(key)
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	if err := j.keys.begin(visitID, key); err != nil {
		return err
	}
	j.visit, j.aead, j.entries = visitID, aead, 0
	return nil
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
	var wrapped []byte
	if len(sealed) > 0 && sealed[0].Number == 0 {
		wrapped, sealed = sealed[0].Sealed, sealed[1:]
	}
	aead, err := j.key(visit, wrapped)
	if eid.CodeOf(err) == eid.CodeJournalLost {
		return visit, nil, j.abandon(visit, err)
	}
	if err != nil { // the hardware does not answer now: the visit may still be read later
		return visit, nil, err
	}
	entries := make([]station.Entry, len(sealed))
	for i, s := range sealed {
		plain, err := aead.Open(nil, nil, s.Sealed, entryContext(visit, i+1))
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

func (j *Journal) key(visit string, wrapped []byte) (cipher.AEAD, error) {
	if visit == j.visit {
		return j.aead, nil
	}
	key, err := j.keys.find(wrapped)
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

// stepRow is one row of the journal's table.
type stepRow struct {
	_      struct{} `cbor:",toarray"`
	Visit  string
	Number int64 // from 1; 0 is the visit's key under a hardware key
	Sealed []byte
}

const stepColumns = `visit_id, number, sealed, row_hash`

func scanStep(scan func(...any) error) (stepRow, error) {
	var s stepRow
	var stored []byte
	if err := scan(text{&s.Visit}, integer{&s.Number}, blob{&s.Sealed}, blob{&stored}); err != nil {
		return s, err
	}
	hash, err := hashRow("visit_journal", s)
	if err == nil && string(hash) != string(stored) {
		err = fmt.Errorf("step %d of a visit %w", s.Number, errDamaged)
	}
	return s, err
}

func insertStep(tx store.Tx, visit string, number int, sealed []byte) error {
	hash, err := hashRow("visit_journal", stepRow{Visit: visit, Number: int64(number), Sealed: sealed})
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO visit_journal (`+stepColumns+`) VALUES (?, ?, ?, ?)`, visit, number, sealed, hash)
	return err
}

func deleteVisit(tx store.Tx, visit string) error {
	if _, err := tx.Exec(`DELETE FROM visit_journal WHERE visit_id = ?`, visit); err != nil {
		return fmt.Errorf("clear journal: %w", err)
	}
	return nil
}

// rows returns the visit in the table and its rows in order. A damaged one is
// left to the cipher, which does not open it.
func (j *Journal) rows(ctx context.Context) (visit string, steps []stepRow, err error) {
	err = j.q.db.QueryRowContext(ctx, `SELECT visit_id FROM visit_journal LIMIT 1`).Scan(&visit)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	rows, err := j.q.db.QueryContext(ctx, `SELECT `+stepColumns+` FROM visit_journal WHERE visit_id = ? ORDER BY number LIMIT ?`, visit, maxEntries+1)
	if err != nil {
		return "", nil, err
	}
	defer rows.Close()
	for rows.Next() {
		s, err := scanStep(rows.Scan)
		if err != nil && !errors.Is(err, errDamaged) {
			return "", nil, err
		}
		steps = append(steps, s)
	}
	return visit, steps, rows.Err()
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
	if err := j.q.write(func(tx store.Tx) error { return deleteVisit(tx, visitID) }); err != nil {
		return err
	}
	j.drop(visitID)
	j.q.tidier.soon()
	return nil
}

// forget follows a deletion of the rows that Enqueue committed. Requests without
// steps here may be enqueued while another visit is open: its key stays.
func (j *Journal) forget(visitID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.visit == visitID {
		j.visit, j.aead, j.entries = "", nil, 0
		j.keys.end()
	}
}

// drop ends the key of a visit whose rows were deleted, and never another's.
func (j *Journal) drop(visitID string) {
	if j.visit != "" && j.visit != visitID {
		return
	}
	if open, _, err := j.rows(context.Background()); err != nil || open != "" {
		return // not loaded since the start
	}
	j.visit, j.aead, j.entries = "", nil, 0
	j.keys.end()
}
