package queue

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

// record is one whole row of the request table, in the order of its columns.
type record struct {
	_           struct{} `cbor:",toarray" json:"-"`
	Seq         int64    `json:"seq"`
	ID          string   `json:"id"`
	State       State    `json:"state"`
	BodyHash    []byte   `json:"body_hash"`
	SealedBytes int64    `json:"sealed_bytes"`
	Payload     string   `json:"payload"`
	QueuedAt    int64    `json:"queued_at"`
	DueAt       string   `json:"due_at"`
	NextAt      int64    `json:"next_at"`
	Attempts    int64    `json:"attempts"`
	LastError   string   `json:"last_error"`
	Reason      string   `json:"reason"`
	Receipt     []byte   `json:"receipt"`
	Result      []byte   `json:"result"`
	SyncMS      int64    `json:"sync_ms"`
	Offset      int64    `json:"upload_offset"`
	FrozenAt    int64    `json:"frozen_at"`
}

const recordColumns = `seq, id, state, body_hash, sealed_bytes, payload, queued_at, due_at, next_at, attempts,
	last_error, reason, receipt, result, sync_ms, upload_offset, frozen_at, row_hash`

var hashMode = mustHashMode()

func mustHashMode() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}

// hashRow is the SHA-256 over the table's name and a row's deterministic encoding.
func hashRow(table string, row any) ([]byte, error) {
	data, err := hashMode.Marshal(row)
	if err != nil {
		return nil, fmt.Errorf("hash row: %w", err)
	}
	h := sha256.New()
	h.Write([]byte("enrold " + table + " v1\x00"))
	h.Write(data)
	return h.Sum(nil), nil
}

func (r *record) hash() ([]byte, error) { return hashRow("request", r) }

// errDamaged says that something was changed by another hand than this program's.
var errDamaged = errors.New("does not fit its hash")

// scanRecord reads a row and checks its hash. With errDamaged what was read is
// returned all the same.
func scanRecord(scan func(...any) error) (record, []byte, error) {
	var r record
	var stored []byte
	err := scan(integer{&r.Seq}, text{&r.ID}, text{(*string)(&r.State)}, blob{&r.BodyHash}, integer{&r.SealedBytes}, text{&r.Payload},
		integer{&r.QueuedAt}, text{&r.DueAt}, integer{&r.NextAt}, integer{&r.Attempts}, text{&r.LastError}, text{&r.Reason},
		blob{&r.Receipt}, blob{&r.Result}, integer{&r.SyncMS}, integer{&r.Offset}, integer{&r.FrozenAt}, blob{&stored})
	if errors.Is(err, errDamaged) {
		return r, nil, eid.Fail(eid.CodeQueueDamaged, "read row", err)
	}
	if err != nil {
		return record{}, nil, err
	}
	hash, err := r.hash()
	if err != nil {
		return record{}, nil, err
	}
	if string(hash) != string(stored) {
		return r, hash, eid.Fail(eid.CodeQueueDamaged, "read row", fmt.Errorf("request %d: row %w", r.Seq, errDamaged))
	}
	return r, hash, nil
}

// values are the columns to write, with the hash last.
func (r *record) values() (args []any, hash []byte, err error) {
	if hash, err = r.hash(); err != nil {
		return nil, nil, err
	}
	return []any{
		r.Seq, r.ID, string(r.State), r.BodyHash, r.SealedBytes, r.Payload, r.QueuedAt, r.DueAt, r.NextAt, r.Attempts,
		r.LastError, r.Reason, r.Receipt, r.Result, r.SyncMS, r.Offset, r.FrozenAt, hash,
	}, hash, nil
}

// insertRecords writes new rows and returns their hashes.
func insertRecords(tx store.Tx, records ...*record) (hashes [][]byte, err error) {
	rows := make([][]any, len(records))
	hashes = make([][]byte, len(records))
	for i, r := range records {
		if rows[i], hashes[i], err = r.values(); err != nil {
			return nil, err
		}
	}
	if err := tx.Insert(`request (`+recordColumns+`)`, rows...); err != nil {
		return nil, fmt.Errorf("insert request: %w", err)
	}
	return hashes, nil
}

func (r *record) update(tx store.Tx) (hash []byte, err error) {
	args, hash, err := r.values()
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(`UPDATE request SET (`+recordColumns+`) = (?`+strings.Repeat(", ?", len(args)-1)+`) WHERE seq = ?`, append(args, r.Seq)...)
	return hash, err
}

// load returns the row of id for a change; a damaged one is never changed, since
// a new hash would bless it.
func load(tx store.Tx, id string) (record, error) {
	r, _, err := scanRecord(tx.Row(`SELECT `+recordColumns+` FROM request WHERE id = ?`, id).Scan)
	return r, err
}

// The scanners below take a column's own type only: the driver would turn a
// text into bytes, and a flipped type bit into nothing that anybody sees.

type integer struct{ to *int64 }

func (i integer) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("column %w: %T, want an integer", errDamaged, v)
	}
	*i.to = n
	return nil
}

type text struct{ to *string }

func (t text) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("column %w: %T, want text", errDamaged, v)
	}
	*t.to = s
	return nil
}

// blob keeps NULL and empty apart.
type blob struct{ to *[]byte }

func (b blob) Scan(v any) error {
	if v == nil {
		*b.to = nil
		return nil
	}
	data, ok := v.([]byte)
	if !ok {
		return fmt.Errorf("column %w: %T, want bytes", errDamaged, v)
	}
	*b.to = append([]byte{}, data...)
	return nil
}
