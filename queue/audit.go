package queue

import (
	"context"
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

const (
	entryColumns = `number, at, boot, elapsed, kind, request, row_hash, details, previous`
	auditTable   = `audit (` + entryColumns + `, hashes)`
	logSizeQuery = `SELECT coalesce(max(number) + 1, 0) FROM audit`
)

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

// fillHashes ends the migrations of a folder of the first version: rows and steps
// get their hashes and each request its first entry. Later versions had a log, and
// nothing of theirs is hashed anew.
func (q *Queue) fillHashes(tx store.Tx) error {
	var size int64
	if err := tx.Row(logSizeQuery).Scan(&size); err != nil || size > 0 {
		return err
	}
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
	rows, err := tx.Rows(`SELECT ` + stepColumns + ` FROM visit_journal WHERE row_hash = zeroblob(32) ORDER BY visit_id, number`)
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

// auditor writes entries. It keeps the end of the log, so that an entry costs no
// reading; only the goroutine that writes the database uses it.
type auditor struct {
	clock Clock
	end   tail
}

// note is what an entry tells.
type note struct {
	kind, request string
	rowHash       []byte
	details       string
}

// note appends an entry inside the transaction of the change that it tells of.
// A clock that was set since the entry before gets an entry of its own first.
func (a *auditor) note(tx store.Tx, kind, request string, rowHash []byte, details string) error {
	return a.notes(tx, []note{{kind, request, rowHash, details}})
}

// notes appends entries in one go.
func (a *auditor) notes(tx store.Tx, notes []note) error {
	rows, err := a.rows(tx, notes)
	if err == nil {
		err = tx.Insert(auditTable, rows...)
	}
	if err != nil {
		a.end = tail{size: unknown}
		return fmt.Errorf("append to audit log: %w", err)
	}
	return nil
}

func (a *auditor) rows(tx store.Tx, notes []note) (rows [][]any, err error) {
	// A transaction that was undone took its entries with it.
	var size int64
	if err := tx.Row(logSizeQuery).Scan(&size); err != nil {
		return nil, err
	}
	if size != a.end.size {
		if a.end, err = loadTail(tx, size); err != nil {
			return nil, err
		}
	}
	boot, elapsed := a.clock.SinceBoot()
	now := Entry{At: a.clock.Now().UnixMilli(), Boot: boot, Elapsed: elapsed.Milliseconds()}
	for _, n := range notes {
		if said, set := clockSet(a.end.last, now); set && a.end.size > 0 {
			row, err := a.end.add(now.tells(note{kind: kindClock, details: said}))
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		row, err := a.end.add(now.tells(n))
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// tells is an entry of e's time with the content of n.
func (e Entry) tells(n note) Entry {
	e.Kind, e.Request, e.RowHash, e.Details = n.kind, n.request, n.rowHash, n.details
	if e.RowHash == nil {
		e.RowHash = []byte{}
	}
	return e
}

// treeIn reads stored hashes of the tree through query: each lies in the row of the
// last entry below it, at its level.
func treeIn(query func(string, ...any) *sql.Row) tlog.HashReader {
	return tlog.HashReaderFunc(func(places []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(places))
		for i, p := range places {
			level, n := tlog.SplitStoredHashIndex(p)
			number, at := (n+1)<<level-1, level*tlog.HashSize
			var h []byte
			if err := query(`SELECT hashes FROM audit WHERE number = ?`, number).Scan(blob{&h}); err != nil {
				return nil, fmt.Errorf("read audit tree at entry %d: %w", number, err)
			}
			if len(h) < at+tlog.HashSize {
				return nil, fmt.Errorf("read audit tree at entry %d: %d bytes", number, len(h))
			}
			copy(out[i][:], h[at:])
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
	err = r.db.QueryRowContext(ctx, logSizeQuery).Scan(&size)
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
