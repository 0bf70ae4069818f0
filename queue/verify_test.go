package queue

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/store"
)

// filled is a desk whose queue has a request in every state, payloads that wait
// in rows (2) and in files (2), an open visit, and nothing in the database's log.
func filled(t *testing.T) *desk {
	t.Helper()
	d := openDesk(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	for _, end := range []State{Sealed, Announced, Uploading, Refused, Received, Accepted, NeedsCorrection, Granted, Rejected, Activated, ActivationExpired} {
		r := newRequest(100)
		if end == Uploading || end == Refused || end == Granted {
			r = newRequest(fileSample)
		}
		_, err := d.Enqueue(ctx, r)
		must(err)
		switch {
		case end == Announced:
			must(d.Announced(ctx, r.ID))
		case end == Uploading:
			must(d.Uploading(ctx, r.ID, 10))
		case end == Refused:
			must(d.Failed(ctx, Attempt{ID: r.ID, Code: eid.CodeSyncRefused, Reason: "chain_broken", Aside: true}))
		case end != Sealed:
			must(d.Received(ctx, d.statement(t, r.ID)))
			if end != Received {
				must(d.Settled(ctx, Outcome{Statement: d.statement(t, r.ID), State: end, Reason: "why"}))
			}
		}
	}
	must(d.Journal().Append(ctx, newRequest(0).ID, "document", []byte("step")))
	must(d.Tidy())
	return d
}

func verify(t *testing.T, dir string) Report {
	t.Helper()
	r, err := OpenReader(t.Context(), dir, nil)
	if err != nil {
		return Report{Findings: []Finding{{Where: "file", Problem: err.Error()}}}
	}
	defer r.Close()
	report, err := r.Verify(t.Context(), Verification{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerifyFindsNothingInASoundQueue(t *testing.T) {
	d := filled(t)
	got := verify(t, d.dir) // beside the open queue
	if len(got.Findings) != 0 || len(got.Notes) != 0 {
		t.Fatalf("findings %+v, notes %q", got.Findings, got.Notes)
	}
	if got.Requests != 11 || got.Payloads != 4 || got.Statements != 13 || got.Entries < 25 {
		t.Fatalf("looked at %+v", got)
	}
	if head, err := d.Log(t.Context()); err != nil || head.Size != got.Log.Size || string(head.Root) != string(got.Log.Root) {
		t.Fatalf("Log = %+v, %v, want %+v", head, err, got.Log)
	}
}

// vandal changes the database behind the program's back: constraints ignored,
// triggers taken away and put back.
type vandal struct {
	db       *sql.DB
	triggers []string // statements
	names    []string
}

func newVandal(t *testing.T, dir string) *vandal {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, databaseName)+"?_pragma=busy_timeout(5000)&_pragma=ignore_check_constraints(ON)&_pragma=foreign_keys(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	v := &vandal{db: db}
	rows, err := db.Query(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			t.Fatal(err)
		}
		v.names, v.triggers = append(v.names, name), append(v.triggers, text)
	}
	return v
}

func (v *vandal) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	tx, err := v.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, n := range v.names {
		if _, err := tx.Exec(`DROP TRIGGER ` + n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	for _, text := range v.triggers {
		if _, err := tx.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// flip returns value with one bit changed, nil where it has no such bit.
func flip(value any, bit int) any {
	switch v := value.(type) {
	case int64:
		if bit > 62 { // STRICT columns hold 64 bits; the sign is a bit like others
			return nil
		}
		return v ^ 1<<bit
	case string:
		if bit >= len(v)*8 {
			return nil
		}
		b := []byte(v)
		b[bit/8] ^= 1 << (bit % 8)
		return string(b)
	case []byte:
		if bit >= len(v)*8 {
			return nil
		}
		b := append([]byte{}, v...)
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
	return nil
}

// Every column of every table, one bit at a time: all eight bits of the first,
// a middle and the last byte.
func TestVerifyFindsEveryBitOfEveryColumn(t *testing.T) {
	d := filled(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	v := newVandal(t, d.dir)
	tables := map[string]string{
		"request": recordColumns, "audit": entryColumns + ", hashes", "visit_journal": stepColumns, "payload": "seq, data",
	}
	if err := func() error { // the desk's row exists once the central has told the time
		hash, err := hashRow("desk", deskRow{Counter: 7, TrustedAt: 8})
		if err == nil {
			_, err = v.db.Exec(`INSERT INTO desk (one, counter, trusted_at, row_hash) VALUES (1, 7, 8, ?)`, hash)
		}
		return err
	}(); err != nil {
		t.Fatal(err)
	}
	tables["desk"] = "counter, trusted_at, row_hash"
	r, err := OpenReader(t.Context(), d.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	flips, missed := 0, 0
	for table, columns := range tables {
		for column := range strings.SplitSeq(columns, ",") {
			column = strings.TrimSpace(column)
			for _, rowid := range sampleRows(t, v.db, table, column) {
				var value any
				if err := v.db.QueryRow(`SELECT `+column+` FROM `+table+` WHERE rowid = ?`, rowid).Scan(&value); err != nil {
					t.Fatal(err)
				}
				for _, bit := range sampleBits(value) {
					bad := flip(value, bit)
					id := rowid
					if n, ok := bad.(int64); ok && taken(t, v.db, table, column, n) {
						continue // two rows of one number: the file itself refuses
					}
					set := func(from, to any) {
						v.exec(t, `UPDATE `+table+` SET `+column+` = ? WHERE rowid = ?`, to, id)
						if alias := column == "seq" || column == "number" && table == "audit" || column == "place"; alias {
							id = to.(int64)
						}
					}
					set(value, bad)
					flips++
					report, err := r.Verify(t.Context(), Verification{})
					if err != nil {
						t.Fatal(err)
					}
					if len(report.Findings) == 0 {
						missed++
						t.Errorf("%s.%s row %d bit %d: not found", table, column, rowid, bit)
					}
					set(bad, value)
				}
			}
		}
	}
	if got := verify(t, d.dir); len(got.Findings) != 0 {
		t.Fatalf("after all was put back: %+v", got.Findings)
	}
	t.Logf("%d bits flipped, %d missed", flips, missed)
}

func taken(t *testing.T, db *sql.DB, table, column string, value int64) (yes bool) {
	t.Helper()
	if column != "seq" && column != "place" && column != "number" {
		return false
	}
	if err := db.QueryRow(`SELECT EXISTS (SELECT 1 FROM `+table+` WHERE `+column+` = ?)`, value).Scan(&yes); err != nil {
		t.Fatal(err)
	}
	return yes
}

// sampleRows picks a row in which the column has content, and the last.
func sampleRows(t *testing.T, db *sql.DB, table, column string) []int64 {
	t.Helper()
	rows, err := db.Query(`SELECT rowid FROM ` + table + ` ORDER BY length(` + column + `) > 0 DESC, rowid DESC LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		list = append(list, id)
	}
	return list
}

func sampleBits(value any) []int {
	var size int
	switch v := value.(type) {
	case int64:
		return []int{0, 1, 2, 7, 13, 31, 47, 62}
	case string:
		size = len(v)
	case []byte:
		size = len(v)
	}
	if size == 0 {
		return nil
	}
	var bits []int
	for _, at := range []int{0, size / 2, size - 1} {
		for b := range 8 {
			bits = append(bits, at*8+b)
		}
	}
	return bits
}

func TestVerifyFindsEveryBitOfAPayload(t *testing.T) {
	d := filled(t)
	name := d.payloads(t)[0]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, bit := range append(sampleBits(data), rand.Perm(len(data) * 8)[:40]...) {
		if err := os.WriteFile(name, flip(data, bit).([]byte), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := verify(t, d.dir); len(got.Findings) != 1 || got.Findings[0].Where != "payload" {
			t.Errorf("bit %d: %+v", bit, got.Findings)
		}
	}
	for _, bad := range [][]byte{data[:len(data)-1], append(data, 0), {}} {
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := verify(t, d.dir); len(got.Findings) != 1 {
			t.Errorf("%d bytes: %+v", len(bad), got.Findings)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if got := verify(t, d.dir); len(got.Findings) != 1 {
		t.Errorf("no file: %+v", got.Findings)
	}
}

// Any bit of the database's file: either Verify finds it, or nothing of what the
// tables say has changed.
func TestVerifyFindsFlippedBitsOfTheFile(t *testing.T) {
	d := filled(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.dir, databaseName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := dump(t, d.dir)
	flips := 150
	if testing.Short() {
		flips = 30
	}
	found, unused := 0, 0
	for range flips {
		bit := rand.IntN(len(whole) * 8)
		if err := os.WriteFile(path, flip(whole, bit).([]byte), 0o600); err != nil {
			t.Fatal(err)
		}
		if len(verify(t, d.dir).Findings) > 0 {
			found++
			continue
		}
		if got := dump(t, d.dir); got != want {
			t.Fatalf("bit %d changed what the tables say, and was not found", bit)
		}
		unused++
	}
	t.Logf("%d bits of %d bytes: %d found, %d in unused space", flips, len(whole), found, unused)
}

// dump is all that the tables say.
func dump(t *testing.T, dir string) string {
	t.Helper()
	db, err := store.OpenReader(t.Context(), filepath.Join(dir, databaseName), schema(nil))
	if err != nil {
		return err.Error()
	}
	defer db.Close()
	var b strings.Builder
	for _, query := range []string{
		`SELECT ` + recordColumns + ` FROM request ORDER BY seq`, `SELECT ` + entryColumns + `, hashes FROM audit ORDER BY number`,
		`SELECT seq, data FROM payload ORDER BY seq`, `SELECT ` + stepColumns + ` FROM visit_journal ORDER BY visit_id, number`,
	} {
		rows, err := db.QueryContext(context.Background(), query)
		if err != nil {
			fmt.Fprintln(&b, err)
			continue
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				fmt.Fprintln(&b, err)
			}
			for _, v := range values {
				fmt.Fprintf(&b, "%#v ", *v.(*any))
			}
			fmt.Fprintln(&b)
		}
		fmt.Fprintln(&b, rows.Err())
		rows.Close()
	}
	return b.String()
}

// What a vandal with a program of his own would do, hashes put right.
func TestVerifyFindsForgedRows(t *testing.T) {
	for name, forge := range map[string]func(t *testing.T, v *vandal, d *desk){
		"row deleted": func(t *testing.T, v *vandal, _ *desk) { v.exec(t, `DELETE FROM request WHERE seq = 3`) },
		"last row deleted": func(t *testing.T, v *vandal, _ *desk) {
			v.exec(t, `DELETE FROM request WHERE seq = (SELECT max(seq) FROM request)`)
		},
		"row with a right hash": func(t *testing.T, v *vandal, d *desk) {
			rec, err := d.record(t.Context(), func() string { rows, _ := d.List(t.Context(), 1); return rows[0].ID }())
			if err != nil {
				t.Fatal(err)
			}
			rec.State = Granted
			hash, err := rec.hash()
			if err != nil {
				t.Fatal(err)
			}
			v.exec(t, `UPDATE request SET state = ?, row_hash = ? WHERE seq = ?`, string(rec.State), hash, rec.Seq)
		},
		"entry deleted": func(t *testing.T, v *vandal, _ *desk) { v.exec(t, `DELETE FROM audit WHERE number = 4`) },
		"last entry deleted": func(t *testing.T, v *vandal, _ *desk) {
			v.exec(t, `DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)`)
		},
		"entries swapped": func(t *testing.T, v *vandal, _ *desk) {
			v.exec(t, `UPDATE audit SET number = number + 1000 WHERE number IN (4, 5)`)
			v.exec(t, `UPDATE audit SET number = 1009 - number WHERE number > 1000`)
		},
		"payload deleted": func(t *testing.T, v *vandal, _ *desk) { v.exec(t, `DELETE FROM payload WHERE seq = 1`) },
		"payload left":    func(t *testing.T, v *vandal, _ *desk) { v.exec(t, `INSERT INTO payload VALUES (5, x'00')`) },
		"payloads exchanged": func(t *testing.T, v *vandal, _ *desk) {
			v.exec(t, `UPDATE payload SET data = (SELECT data FROM payload AS p WHERE p.seq = 3 - payload.seq)`)
		},
		"trigger dropped": func(t *testing.T, v *vandal, _ *desk) {
			if _, err := v.db.Exec(`DROP TRIGGER audit_fixed`); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := filled(t)
			forge(t, newVandal(t, d.dir), d)
			if got := verify(t, d.dir); len(got.Findings) == 0 {
				t.Error("not found")
			}
		})
	}
}
