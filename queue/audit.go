package queue

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

// Entry is one entry of the audit log: what changed, when by which clock, and
// the hash that the request's row has since. It names no person.
type Entry struct {
	_        struct{} `cbor:",toarray" json:"-"`
	Number   int64    `json:"number"`
	At       int64    `json:"at"`      // Unix milliseconds by the wall clock
	Boot     []byte   `json:"boot"`    // which start of the machine
	Elapsed  int64    `json:"elapsed"` // milliseconds since then
	Kind     string   `json:"kind"`
	Request  string   `json:"request"`
	RowHash  []byte   `json:"row_hash"`
	Details  string   `json:"details"`
	Previous []byte   `json:"previous"` // leaf hash of the entry before
}

const entryColumns = `number, at, boot, elapsed, kind, request, row_hash, details, previous`

// leaf is the entry's hash in the Merkle tree.
func (e *Entry) leaf() (tlog.Hash, error) {
	data, err := hashMode.Marshal(e)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("encode audit entry: %w", err)
	}
	return tlog.RecordHash(data), nil
}

func scanEntry(scan func(...any) error) (Entry, error) {
	var e Entry
	err := scan(integer{&e.Number}, integer{&e.At}, blob{&e.Boot}, integer{&e.Elapsed}, text{&e.Kind}, text{&e.Request},
		blob{&e.RowHash}, text{&e.Details}, blob{&e.Previous})
	return e, err
}

// fillHashes ends migration 2: rows and steps of older versions get their hashes
// and each request its first entry.
func (q *Queue) fillHashes(tx store.Tx) error {
	var requests []record
	rows, err := tx.Rows(`SELECT ` + recordColumns + ` FROM request ORDER BY seq`)
	if err != nil {
		return err
	}
	for rows.Next() {
		r, _, err := scanRecord(rows.Scan)
		if err != nil && eid.CodeOf(err) != eid.CodeQueueDamaged {
			return errors.Join(err, rows.Close())
		}
		requests = append(requests, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, r := range requests {
		hash, err := r.update(tx)
		if err != nil {
			return err
		}
		if err := q.audit.note(tx, "migrated", r.ID, hash, fmt.Sprintf("seq=%d state=%s", r.Seq, r.State)); err != nil {
			return err
		}
	}
	return fillSteps(tx)
}

func fillSteps(tx store.Tx) error {
	var steps []stepRow
	rows, err := tx.Rows(`SELECT ` + stepColumns + ` FROM visit_journal ORDER BY visit_id, number`)
	if err != nil {
		return err
	}
	for rows.Next() {
		s, err := scanStep(rows.Scan)
		if err != nil && !errors.Is(err, errDamaged) {
			return errors.Join(err, rows.Close())
		}
		steps = append(steps, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, s := range steps {
		hash, err := hashRow("visit_journal", s)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE visit_journal SET row_hash = ? WHERE visit_id = ? AND number = ?`, hash, s.Visit, s.Number); err != nil {
			return err
		}
	}
	return nil
}

// auditor writes entries; it holds nothing but the clock.
type auditor struct{ clock Clock }

// note appends an entry inside the transaction of the change that it tells of.
// A clock that was set since the entry before gets an entry of its own first.
func (a auditor) note(tx store.Tx, kind, request string, rowHash []byte, details string) error {
	if err := a.append(tx, kind, request, rowHash, details); err != nil {
		return fmt.Errorf("append to audit log: %w", err)
	}
	return nil
}

func (a auditor) append(tx store.Tx, kind, request string, rowHash []byte, details string) error {
	last, err := scanEntry(tx.Row(`SELECT ` + entryColumns + ` FROM audit ORDER BY number DESC LIMIT 1`).Scan)
	first := errors.Is(err, sql.ErrNoRows)
	if err != nil && !first {
		return err
	}
	boot, elapsed := a.clock.SinceBoot()
	e := Entry{At: a.clock.Now().UnixMilli(), Boot: boot, Elapsed: elapsed.Milliseconds(), Kind: kind, Request: request,
		RowHash: rowHash, Details: details, Previous: make([]byte, sha256.Size)}
	if e.RowHash == nil {
		e.RowHash = []byte{}
	}
	if !first {
		e.Number = last.Number + 1
		leaf, err := treeIn(tx.Row).ReadHashes([]int64{tlog.StoredHashIndex(0, last.Number)})
		if err != nil {
			return err
		}
		e.Previous = leaf[0][:]
		if said, ok := clockSet(last, e); ok && kind != kindClock {
			if err := a.append(tx, kindClock, "", nil, said); err != nil {
				return err
			}
			return a.append(tx, kind, request, rowHash, details)
		}
	}
	_, err = insertEntry(tx, &e)
	return err
}

// insertEntry writes an entry and the hashes of the tree that it completes.
func insertEntry(tx store.Tx, e *Entry) (leaf tlog.Hash, err error) {
	if leaf, err = e.leaf(); err != nil {
		return leaf, err
	}
	hashes, err := tlog.StoredHashesForRecordHash(e.Number, leaf, treeIn(tx.Row))
	if err != nil {
		return leaf, err
	}
	if _, err := tx.Exec(`INSERT INTO audit (`+entryColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Number, e.At, e.Boot, e.Elapsed, e.Kind, e.Request, e.RowHash, e.Details, e.Previous); err != nil {
		return leaf, err
	}
	place := tlog.StoredHashIndex(0, e.Number)
	for i, h := range hashes {
		if _, err := tx.Exec(`INSERT INTO audit_tree (place, hash) VALUES (?, ?)`, place+int64(i), h[:]); err != nil {
			return leaf, err
		}
	}
	return leaf, nil
}

// treeIn reads stored hashes of the tree through query.
func treeIn(query func(string, ...any) *sql.Row) tlog.HashReader {
	return tlog.HashReaderFunc(func(places []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(places))
		for i, p := range places {
			var h []byte
			if err := query(`SELECT hash FROM audit_tree WHERE place = ?`, p).Scan(blob{&h}); err != nil {
				return nil, fmt.Errorf("read audit tree at %d: %w", p, err)
			}
			if len(h) != tlog.HashSize {
				return nil, fmt.Errorf("read audit tree at %d: %d bytes", p, len(h))
			}
			copy(out[i][:], h)
		}
		return out, nil
	})
}

// LogHead names one state of the audit log: the number of its entries and the
// root of the Merkle tree over them (RFC 6962 §2.1).
type LogHead struct {
	Size int64  `json:"size"`
	Root []byte `json:"root"`
}

// Log returns the audit log's present head. The central that keeps it notices a
// log that was cut, edited or rolled back.
func (r *Reader) Log(ctx context.Context) (LogHead, error) {
	const op = "read audit log"
	size, err := r.logSize(ctx)
	if err != nil {
		return LogHead{}, fail(op, err)
	}
	root, err := tlog.TreeHash(size, r.tree(ctx))
	return LogHead{Size: size, Root: root[:]}, fail(op, err)
}

// Consistency proves to who knows the head of size from that the present log
// only added to it: tlog.CheckTree(proof, size, root, from, old root). The proof
// of size 0 is empty.
func (r *Reader) Consistency(ctx context.Context, from int64) (tlog.TreeProof, error) {
	size, err := r.logSize(ctx)
	if err != nil {
		return nil, fail("prove audit log", err)
	}
	return r.ConsistencyOf(ctx, from, size)
}

// ConsistencyOf is Consistency with the later size, too: a proof that fits a
// head got before, though the log has grown since.
func (r *Reader) ConsistencyOf(ctx context.Context, from, size int64) (tlog.TreeProof, error) {
	if from == 0 {
		return tlog.TreeProof{}, nil
	}
	proof, err := tlog.ProveTree(size, from, r.tree(ctx))
	return proof, fail("prove audit log", err)
}

func (r *Reader) logSize(ctx context.Context) (size int64, err error) {
	err = r.db.QueryRowContext(ctx, `SELECT coalesce(max(number) + 1, 0) FROM audit`).Scan(&size)
	return size, err
}

func rootOf(ctx context.Context, conn *sql.Conn, size int64) ([]byte, error) {
	root, err := tlog.TreeHash(size, treeIn(func(query string, args ...any) *sql.Row { return conn.QueryRowContext(ctx, query, args...) }))
	return root[:], err
}

func (r *Reader) tree(ctx context.Context) tlog.HashReader {
	return treeIn(func(query string, args ...any) *sql.Row { return r.db.QueryRowContext(ctx, query, args...) })
}

// Entries calls each for the audit log's entries from number on, in order; with
// an id only for those about that request.
func (r *Reader) Entries(ctx context.Context, number int64, id string, each func(Entry) error) error {
	const op = "read audit log"
	rows, err := r.db.QueryContext(ctx, `SELECT `+entryColumns+` FROM audit WHERE number >= ? AND (? = '' OR request = ?) ORDER BY number`, number, id, id)
	if err != nil {
		return fail(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows.Scan)
		if err != nil {
			return fail(op, err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return fail(op, rows.Err())
}

// Time is the entry's wall clock.
func (e Entry) Time() time.Time { return time.UnixMilli(e.At).UTC() }
