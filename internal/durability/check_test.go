package durability

import (
	"bytes"
	"context"
	"crypto"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/authority"
)

// places are where the two ends keep what they have.
type places struct {
	root    string // keys
	desk    string // data folder of the desk
	central string // data folder of the central
}

// arrived is one request in the central's own table.
type arrived struct {
	id             string
	seq            int64
	hash, previous []byte
	payload        string // path
}

// atCentral reads the central's table beside it, whether it runs or not.
func atCentral(ctx context.Context, data string) (list []arrived, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(centralFolder(data), "central.db")+"?_pragma=busy_timeout(5000)&_pragma=query_only(ON)")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, `SELECT id, seq, body_hash, previous, payload FROM request ORDER BY seq, id`)
	if err != nil {
		return nil, fmt.Errorf("read central: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a arrived
		if err := rows.Scan(&a.id, &a.seq, &a.hash, &a.previous, &a.payload); err != nil {
			return nil, fmt.Errorf("read central: %w", err)
		}
		a.payload = filepath.Join(centralFolder(data), "payload", a.payload)
		list = append(list, a)
	}
	return list, rows.Err()
}

// lost names those of the promised requests that are neither whole on the desk
// nor, where the desk has let them go, whole at the central. findings is what the
// queue's own verification says.
func lost(ctx context.Context, at places, l *ledger, promised []string) (gone []string, findings []queue.Finding, err error) {
	opts, err := deskOptions(at.root, at.desk)
	if err != nil {
		return nil, nil, err
	}
	q, err := queue.Open(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	list, err := atCentral(ctx, at.central)
	if err != nil {
		return nil, nil, err
	}
	central := map[string]arrived{}
	for _, a := range list {
		central[a.id] = a
	}
	for _, id := range promised {
		if err := whole(ctx, q, central, id, l.seq(id)); err != nil {
			gone = append(gone, fmt.Sprintf("%s: %v", id, err))
		}
	}
	report, err := q.Verify(ctx, queue.Verification{})
	return gone, report.Findings, err
}

func whole(ctx context.Context, q *queue.Queue, central map[string]arrived, id string, seq int64) error {
	row, err := q.Get(ctx, id)
	if err != nil {
		return err
	}
	if row.Seq != seq {
		return fmt.Errorf("promised as %d, kept as %d", seq, row.Seq)
	}
	if !row.Receipt {
		_, err := q.Payload(ctx, id)
		return err
	}
	a, ok := central[id]
	if !ok {
		return errors.New("the desk has a receipt, the central has no row")
	}
	data, err := os.ReadFile(a.payload)
	if err != nil {
		return err
	}
	if !bytes.Equal(request.Hash(data), row.BodyHash) {
		return errors.New("the central keeps other bytes")
	}
	return nil
}

// exact checks at the end that the central has each promised request exactly
// once, in an unbroken chain, and that each opens to what was captured. It
// returns how many there are.
func exact(ctx context.Context, at places, promised []string) (int, error) {
	list, err := atCentral(ctx, at.central)
	if err != nil {
		return 0, err
	}
	device, err := request.LoadOrCreateDeviceKey(filepath.Join(at.root, "device.pem"))
	if err != nil {
		return 0, err
	}
	seal, _, err := authority.Keys(filepath.Join(at.root, "keys"))
	if err != nil {
		return 0, err
	}
	keys := request.KnownKeys{Devices: []crypto.PublicKey{device.Public()}}
	seen, previous := map[string]bool{}, make([]byte, request.HashSize)
	for i, a := range list {
		if a.seq != int64(i+1) || !bytes.Equal(a.previous, previous) || seen[a.id] {
			return 0, fmt.Errorf("number %d at place %d: twice, missing or not chained", a.seq, i+1)
		}
		seen[a.id], previous = true, a.hash
		sealed, err := os.ReadFile(a.payload)
		if err != nil {
			return 0, err
		}
		body, _, err := request.Open(seal, keys, sealed)
		if err != nil {
			return 0, fmt.Errorf("number %d: %w", a.seq, err)
		}
		want := requestOf(a.id)
		if body.Request.ID != a.id || body.Seq != a.seq || !bytes.Equal(body.Request.Portraits[0].Record, want.Portraits[0].Record) {
			return 0, fmt.Errorf("number %d is not what was captured", a.seq)
		}
	}
	for _, id := range promised {
		if !seen[id] {
			return 0, fmt.Errorf("%s was acknowledged and is not at the central", id)
		}
	}
	files, err := os.ReadDir(filepath.Join(centralFolder(at.central), "payload"))
	if err == nil && len(files) != len(list) {
		err = fmt.Errorf("%d payload files for %d requests at the central", len(files), len(list))
	}
	return len(list), err
}

// drained waits until the desk has every receipt and every decision.
func drained(ctx context.Context, data string) error {
	r, err := queue.OpenReader(ctx, filepath.Join(data, "desk"), nil)
	if err != nil {
		return err
	}
	defer r.Close()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		waiting, err := r.Waiting(ctx, 1)
		if err != nil {
			return err
		}
		awaiting, err := r.Awaiting(ctx, 1)
		if err != nil {
			return err
		}
		if len(waiting)+len(awaiting) == 0 {
			return nil
		}
	}
	return errors.New("the desk did not get rid of its requests in five minutes")
}
