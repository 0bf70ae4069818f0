package queue

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

// Finding is something that is not as this program left it.
type Finding struct {
	Where   string `json:"where"` // file, schema, desk, row, audit, tree, payload, statement, journal
	Seq     int64  `json:"seq,omitempty"`
	Problem string `json:"problem"`
}

// Report is what Verify looked at and found.
type Report struct {
	Requests   int       `json:"requests"`
	Entries    int64     `json:"entries"` // of the audit log
	Payloads   int       `json:"payloads"`
	Statements int       `json:"statements"`
	Log        LogHead   `json:"log"`
	Findings   []Finding `json:"findings"`
	Notes      []string  `json:"notes,omitempty"` // what the log tells of clocks and counters
}

// Verification says how far Verify goes.
type Verification struct {
	// Statement checks what the central signed about a row, kind "receipt" or
	// "result"; nil trusts the row's hash.
	Statement func(kind string, row Row, signed []byte) error
	// Counter is read and compared with the database; nil leaves it out.
	Counter Counter
}

// maxFindings bounds the report: a foreign file has no end of them.
const maxFindings = 1000

// Verify reads everything and reports what was altered: the file's structure,
// each row against its hash, the numbering, the audit log against its Merkle
// tree, each row against the log's last word on it, each payload and each step
// of the open visit. It works on one moment of the database, beside a daemon.
// An error says that verifying was not possible, not that something was found.
func (r *Reader) Verify(ctx context.Context, v Verification) (Report, error) {
	c := &check{r: r, v: v, last: map[string][]byte{}}
	err := r.snapshot(ctx, func(conn *sql.Conn) error {
		c.conn = conn
		for _, f := range []func(context.Context) error{c.structure, c.schema, c.log, c.desk, c.rows, c.orphans, c.journal} {
			if err := f(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	c.report.Findings = append([]Finding{}, c.report.Findings...)
	return c.report, fail("verify queue", err)
}

type check struct {
	r      *Reader
	v      Verification
	conn   *sql.Conn
	report Report
	last   map[string][]byte // hash of each request's row by the log's last word
}

func (c *check) found(where string, seq int64, format string, args ...any) {
	if len(c.report.Findings) < maxFindings {
		c.report.Findings = append(c.report.Findings, Finding{where, seq, fmt.Sprintf(format, args...)})
	}
}

// tell takes an error of reading as a finding, unless it is the context's.
func (c *check) tell(ctx context.Context, where string, err error) error {
	if err != nil && ctx.Err() == nil {
		c.found(where, 0, "%v", err)
		return nil
	}
	return err
}

func (c *check) query(ctx context.Context, where, query string, each func(*sql.Rows) error) error {
	rows, err := c.conn.QueryContext(ctx, query)
	if err != nil {
		return c.tell(ctx, where, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return c.tell(ctx, where, err)
		}
	}
	return c.tell(ctx, where, rows.Err())
}

// structure is SQLite's own check: pages, indexes, types of the columns.
func (c *check) structure(ctx context.Context) error {
	return c.query(ctx, "file", `PRAGMA integrity_check`, func(rows *sql.Rows) error {
		var said string
		err := rows.Scan(&said)
		if err == nil && said != "ok" {
			c.found("file", 0, "%s", said)
		}
		return err
	})
}

// schema compares tables and triggers with those that the migrations make.
func (c *check) schema(ctx context.Context) error {
	want, err := schema(nil).Objects(ctx)
	if err != nil {
		return err
	}
	have, err := store.Objects(ctx, c.conn)
	if err == nil && !slices.Equal(have, want) {
		c.found("schema", 0, "tables or triggers are not those of this version")
	}
	return c.tell(ctx, "schema", err)
}

func (c *check) desk(ctx context.Context) error {
	d, err := loadDesk(c.conn.QueryRowContext(ctx, deskQuery))
	if err != nil {
		return c.tell(ctx, "desk", err)
	}
	if c.v.Counter == nil {
		return nil
	}
	hardware, err := c.v.Counter.Read(ctx)
	if err != nil {
		return fmt.Errorf("read hardware counter: %w", err)
	}
	if have := uint64(d.Counter); have != hardware && have != hardware+1 {
		c.found("desk", 0, "the database says counter %d, the hardware %d", have, hardware)
	}
	return nil
}

// log recomputes the chain and the tree over all entries.
func (c *check) log(ctx context.Context) error {
	var log tail
	err := c.query(ctx, "audit", `SELECT `+entryColumns+`, hashes FROM audit ORDER BY number`, func(rows *sql.Rows) error {
		n, before := log.size, log.last
		var hashes []byte
		e, err := scanEntry(func(to ...any) error { return rows.Scan(append(to, blob{&hashes})...) })
		if err != nil {
			return err
		}
		if e.Number != n {
			c.found("audit", 0, "entry %d follows entry %d", e.Number, n-1)
		}
		if !bytes.Equal(e.Previous, log.leaf[:]) { // zeros before the first
			c.found("audit", 0, "entry %d does not follow what is before it", e.Number)
		}
		if len(e.RowHash) > 0 {
			c.last[e.Request] = e.RowHash
		}
		c.note(before, e)
		computed, err := log.grow(e)
		if err == nil && !bytes.Equal(hashes, computed) {
			c.found("tree", 0, "the hashes of entry %d are not those of the log", n)
		}
		return err
	})
	if err != nil {
		return err
	}
	root, err := rootOf(ctx, c.conn, log.size)
	c.report.Entries, c.report.Log = log.size, LogHead{Size: log.size, Root: root}
	return c.tell(ctx, "tree", err)
}

// note gathers what an operator should read, even though nothing was altered.
func (c *check) note(before, e Entry) {
	said, set := "", false
	if e.Number > 0 {
		said, set = clockSet(before, e)
	}
	switch {
	case e.Kind == "counter_adopted" && e.Number == 0, e.Kind == kindClock && !set:
	case e.Kind == kindClock, e.Kind == "counter_adopted", e.Kind == "rollback_accepted", e.Kind == "imported":
		c.report.Notes = append(c.report.Notes, fmt.Sprintf("entry %d, %s: %s %s", e.Number, e.Time().Format("2006-01-02 15:04:05"), e.Kind, e.Details))
	case set:
		c.found("audit", 0, "entry %d: the clock was set (%s) and no entry tells", e.Number, said)
	}
}

// rows checks each request: row, place in the numbering, log, payload, statements.
func (c *check) rows(ctx context.Context) error {
	next := int64(1)
	err := c.query(ctx, "row", `SELECT `+recordColumns+` FROM request ORDER BY seq`, func(rows *sql.Rows) error {
		c.report.Requests++
		rec, hash, err := scanRecord(rows.Scan)
		if eid.CodeOf(err) == eid.CodeQueueDamaged {
			c.found("row", rec.Seq, "the row was altered")
		} else if err != nil {
			return err
		}
		if rec.Seq != next {
			c.found("row", rec.Seq, "number %d is missing", next)
		}
		next = rec.Seq + 1
		if last, ok := c.last[rec.ID]; !ok || !bytes.Equal(last, hash) {
			c.found("row", rec.Seq, "the row is not the one that the audit log knows last")
		}
		delete(c.last, rec.ID)
		if !rec.State.waits() && rec.State != Refused && rec.Receipt == nil {
			c.found("row", rec.Seq, "%s without a receipt", rec.State)
		}
		c.statements(&rec)
		return c.file(ctx, &rec)
	})
	for range c.last {
		c.found("row", 0, "the audit log knows a request that has no row")
	}
	return err
}

func (c *check) statements(rec *record) {
	for kind, signed := range map[string][]byte{"receipt": rec.Receipt, "result": rec.Result} {
		if signed == nil {
			continue
		}
		c.report.Statements++
		if c.v.Statement == nil {
			continue
		}
		if err := c.v.Statement(kind, rec.row(), signed); err != nil {
			c.found("statement", rec.Seq, "%s: %v", kind, err)
		}
	}
}

func (c *check) file(ctx context.Context, rec *record) error {
	if rec.Payload == "" {
		if rec.State.waits() || rec.State == Refused {
			c.found("payload", rec.Seq, "%s without a payload", rec.State)
		}
		return nil
	}
	c.report.Payloads++
	if _, err := c.r.payloadOf(ctx, c.conn, rec); err != nil {
		// The daemon may have purged it since this moment of the database.
		if now, again := c.r.record(ctx, rec.ID); again == nil && now.Payload == "" && now.Receipt != nil {
			return nil
		}
		c.found("payload", rec.Seq, "%v", err)
	}
	return ctx.Err()
}

// orphans are payloads in the table that no request names: a crash leaves none.
func (c *check) orphans(ctx context.Context) error {
	return c.query(ctx, "payload", `SELECT seq FROM payload WHERE seq NOT IN (SELECT seq FROM request WHERE payload = '`+inRow+`')`, func(rows *sql.Rows) error {
		var seq int64
		err := rows.Scan(integer{&seq})
		if err == nil {
			c.found("payload", seq, "no request waits for this payload")
		}
		return err
	})
}

func (c *check) journal(ctx context.Context) error {
	return c.query(ctx, "journal", `SELECT `+stepColumns+` FROM visit_journal`, func(rows *sql.Rows) error {
		_, err := scanStep(rows.Scan)
		if errors.Is(err, errDamaged) {
			c.found("journal", 0, "%v", err)
			return nil
		}
		return err
	})
}
