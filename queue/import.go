package queue

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// maxLine bounds one line of an export: two statements and some columns.
const maxLine = 1 << 20

// Import puts a plain export into dir, where no queue has been yet, and returns
// the log's head as exported: what the central should know of this desk. Every
// hash, the numbering and the log are checked before anything counts; an import
// that fails leaves a queue without requests. The new machine's counter is
// adopted by the first Open, and the log says both.
func Import(ctx context.Context, dir, from string) (LogHead, error) {
	head, err := importInto(ctx, dir, from)
	return head, fail("import queue", err)
}

func importInto(ctx context.Context, dir, from string) (head LogHead, err error) {
	root, err := os.OpenRoot(from) // names in the export cannot lead out of it
	if err != nil {
		return head, err
	}
	defer root.Close()
	var desk exportedDesk
	if err := readJSON(root, deskFile, &desk); err != nil {
		return head, err
	}
	if desk.Format != exportFormat {
		return head, fmt.Errorf("format %q, want %q", desk.Format, exportFormat)
	}
	payload := filepath.Join(dir, payloadFolder)
	if err := os.MkdirAll(payload, 0o700); err != nil {
		return head, err
	}
	lock, err := store.Lock(dir)
	if err != nil {
		return head, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	db, err := store.Open(ctx, filepath.Join(dir, databaseName), schema(nil))
	if err != nil {
		return head, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m := &importer{root: root, payload: payload, audit: &auditor{clock: newMachineClock()}}
	err = db.Write(func(tx store.Tx) error { return m.write(ctx, tx, desk) })
	return desk.Log, err
}

type importer struct {
	root    *os.Root
	payload string
	audit   *auditor
}

func (m *importer) write(ctx context.Context, tx store.Tx, desk exportedDesk) error {
	var used bool
	if err := tx.Row(`SELECT EXISTS (SELECT 1 FROM request) OR EXISTS (SELECT 1 FROM audit)`).Scan(&used); err != nil {
		return err
	}
	if used {
		return errors.New("a queue is there already")
	}
	last, err := m.entries(ctx, tx, desk.Log)
	if err != nil {
		return err
	}
	if err := m.rows(ctx, tx, desk.Requests, last); err != nil {
		return err
	}
	if err := store.SyncDir(m.payload); err != nil {
		return err
	}
	if err := alterDesk(tx, func(d *deskRow) bool { d.TrustedAt = desk.TrustedAt; return true }); err != nil {
		return err
	}
	return m.audit.note(tx, "imported", "", nil, fmt.Sprintf("entries=%d root=%x counter=%d", desk.Log.Size, desk.Log.Root, desk.Counter))
}

// entries writes the log and returns each request's last row hash.
func (m *importer) entries(ctx context.Context, tx store.Tx, want LogHead) (last map[string][]byte, err error) {
	last = map[string][]byte{}
	var log tail
	err = m.lines(ctx, auditFile, func(line []byte) error {
		var e Entry
		if err := strictJSON(line, &e); err != nil {
			return fmt.Errorf("entry %d: %w", log.size, err)
		}
		if e.Number != log.size || !bytes.Equal(e.Previous, log.leaf[:]) { // zeros before the first
			return fmt.Errorf("entry %d %w", log.size, errDamaged)
		}
		if len(e.RowHash) > 0 {
			last[e.Request] = e.RowHash
		}
		row, err := log.add(e)
		if err != nil {
			return err
		}
		return tx.Insert(auditTable, row)
	})
	if err != nil {
		return nil, err
	}
	root, err := tlog.TreeHash(log.size, treeIn(tx.Row))
	if err == nil && (log.size != want.Size || !bytes.Equal(root[:], want.Root)) {
		err = fmt.Errorf("the log's root %w", errDamaged)
	}
	return last, err
}

func (m *importer) rows(ctx context.Context, tx store.Tx, want int, last map[string][]byte) error {
	n := 0
	err := m.lines(ctx, rowsFile, func(line []byte) error {
		var row exportedRow
		if err := strictJSON(line, &row); err != nil {
			return fmt.Errorf("row %d: %w", n+1, err)
		}
		n++
		hash, err := row.hash()
		if err != nil {
			return err
		}
		if row.Seq != int64(n) || !bytes.Equal(hash, row.RowHash) || !bytes.Equal(hash, last[row.ID]) {
			return fmt.Errorf("row %d %w", n, errDamaged)
		}
		if err := m.file(tx, &row.record); err != nil {
			return err
		}
		_, err = insertRecords(tx, &row.record)
		return err
	})
	if err == nil && (n != want || len(last) != n) {
		err = fmt.Errorf("%d rows, want %d", n, want)
	}
	return err
}

func (m *importer) file(tx store.Tx, r *record) error {
	if r.Payload == "" {
		return nil
	}
	if err := request.CheckID(r.ID); err != nil || r.Payload != r.ID && r.Payload != inRow {
		return errors.New("payload is not named by its request")
	}
	data, err := readAll(m.root, filepath.Join(payloadFolder, r.ID), request.MaxSealed)
	if err != nil {
		return err
	}
	if !bytes.Equal(request.Hash(data), r.BodyHash) {
		return fmt.Errorf("payload of request %d %w", r.Seq, errDamaged)
	}
	if r.Payload == inRow {
		return insertPayloads(tx, []any{r.Seq, data})
	}
	return store.WriteFile(m.payload, r.Payload, data)
}

func (m *importer) lines(ctx context.Context, name string, each func([]byte) error) error {
	f, err := m.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(s.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return s.Err()
}

func strictJSON(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("malformed JSON (%T)", err)
	}
	return nil
}

func readJSON(root *os.Root, name string, v any) error {
	data, err := readAll(root, name, maxLine)
	if err != nil {
		return err
	}
	return strictJSON(data, v)
}

func readAll(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", name, limit)
	}
	return data, err
}
