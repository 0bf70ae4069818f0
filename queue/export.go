package queue

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/enrold/enrold/queue/store"
)

// A plain export is a folder for support, and for a move to another machine:
//
//	desk.json      format, hardware counter, trusted time, log head
//	rows.jsonl     one line a request, all columns
//	audit.jsonl    one line an entry of the log
//	payload/ID     sealed bytes of what waits
//	SHA256SUMS     of the files above, as sha256sum -c reads it; written last
//
// It holds nothing about a person in the clear, and no key. The open visit stays
// where it is: its key cannot leave the machine.
const (
	exportFormat = "enrold-queue-export-1"
	deskFile     = "desk.json"
	rowsFile     = "rows.jsonl"
	auditFile    = "audit.jsonl"
	sumsFile     = "SHA256SUMS"
)

// exportedDesk is the content of desk.json.
type exportedDesk struct {
	Format    string  `json:"format"`
	Counter   int64   `json:"counter"`
	TrustedAt int64   `json:"trusted_at"`
	Requests  int     `json:"requests"`
	Log       LogHead `json:"log"`
}

// exportedRow is one line of rows.jsonl: the row with its hash.
type exportedRow struct {
	record
	RowHash []byte `json:"row_hash"`
}

// Export writes one moment of the queue into dir, a folder that is not there yet.
func (r *Reader) Export(ctx context.Context, dir string) error {
	const op = "export queue"
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fail(op, err)
	}
	if err := os.Mkdir(filepath.Join(dir, payloadFolder), 0o700); err != nil {
		return fail(op, err)
	}
	x := &exporter{r: r, dir: dir, sums: map[string]string{}}
	err := r.snapshot(ctx, func(conn *sql.Conn) error { return x.write(ctx, conn) })
	return fail(op, err)
}

type exporter struct {
	r    *Reader
	dir  string
	sums map[string]string // file: SHA-256
}

func (x *exporter) write(ctx context.Context, conn *sql.Conn) error {
	d, err := loadDesk(conn.QueryRowContext(ctx, deskQuery))
	if err != nil {
		return err
	}
	head := exportedDesk{Format: exportFormat, Counter: d.Counter, TrustedAt: d.TrustedAt}
	err = x.lines(ctx, conn, rowsFile, `SELECT `+recordColumns+` FROM request ORDER BY seq`, func(rows *sql.Rows, out *json.Encoder) error {
		rec, hash, err := scanRecord(rows.Scan)
		if err != nil {
			return err
		}
		head.Requests++
		if rec.Payload != "" {
			data, err := x.r.payloadOf(ctx, conn, &rec)
			if err != nil {
				return fmt.Errorf("request %d: %w", rec.Seq, err)
			}
			if err := x.file(filepath.Join(payloadFolder, rec.ID), data); err != nil {
				return err
			}
		}
		return out.Encode(exportedRow{rec, hash})
	})
	if err != nil {
		return err
	}
	err = x.lines(ctx, conn, auditFile, `SELECT `+entryColumns+` FROM audit ORDER BY number`, func(rows *sql.Rows, out *json.Encoder) error {
		e, err := scanEntry(rows.Scan)
		head.Log.Size++
		return errors.Join(err, out.Encode(e))
	})
	if err != nil {
		return err
	}
	if head.Log.Root, err = rootOf(ctx, conn, head.Log.Size); err != nil {
		return err
	}
	data, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return err
	}
	if err := x.file(deskFile, append(data, '\n')); err != nil {
		return err
	}
	return x.finish()
}

// lines writes one JSON line a row of query.
func (x *exporter) lines(ctx context.Context, conn *sql.Conn, name, query string, each func(*sql.Rows, *json.Encoder) error) (err error) {
	f, err := os.OpenFile(filepath.Join(x.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	buffered := bufio.NewWriter(io.MultiWriter(f, sum))
	out := json.NewEncoder(buffered)
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows, out); err != nil {
			return err
		}
	}
	if err := errors.Join(rows.Err(), buffered.Flush(), f.Sync()); err != nil {
		return err
	}
	x.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func (x *exporter) file(name string, data []byte) error {
	sum := sha256.Sum256(data)
	x.sums[name] = hex.EncodeToString(sum[:])
	return store.WriteFile(filepath.Dir(filepath.Join(x.dir, name)), filepath.Base(name), data)
}

func (x *exporter) finish() error {
	names := make([]string, 0, len(x.sums))
	for name := range x.sums {
		names = append(names, name)
	}
	sort.Strings(names)
	var text []byte
	for _, name := range names {
		text = fmt.Appendf(text, "%s  %s\n", x.sums[name], name)
	}
	return errors.Join(
		store.SyncDir(filepath.Join(x.dir, payloadFolder)),
		store.WriteFile(x.dir, sumsFile, text),
		store.SyncDir(x.dir))
}
