package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/payload"
	"github.com/enrold/enrold/sync/intake/pgtest"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
	"github.com/enrold/enrold/sync/wire"
)

// sharedStores are the options of an intake that shares its stores: one handle
// of its own on the same PostgreSQL and the same folder.
func sharedStores(t *testing.T, url, dir string) func(*intake.Options) {
	v, err := sqlvault.OpenPostgres(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	parts, err := v.Parts()
	if err != nil {
		t.Fatal(err)
	}
	payloads, err := payload.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *intake.Options) { o.Dir, o.Vault, o.Payloads, o.Parts = "", v, payloads, parts }
}

// Two intakes on one PostgreSQL, hit at once by the same bytes and by different
// bytes under one id.
func TestTwoIntakesTakeARequestOnce(t *testing.T) {
	pg, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("ENROLD_REQUIRE_E2E") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(t.TempDir(), "payload")
	c := newCentre(t, grant) // its keys and its desk
	c.stop()
	use := sharedStores(t, pg.URL, dir)
	var ins []*intake.Intake
	for i := range 2 {
		o := c.opts
		use(&o)
		if i == 1 {
			sharedStores(t, pg.URL, dir)(&o)
		}
		if i == 0 { // the desk, as the first centre knows it
			registry, err := intake.OpenRegistry(t.Context(), c.dir)
			if err != nil {
				t.Fatal(err)
			}
			d, err := registry.Desk(t.Context(), deskID)
			if err := errors.Join(err, registry.Close()); err != nil {
				t.Fatal(err)
			}
			if err := o.Vault.Register(t.Context(), deskID, d.Certificates[0], d.Devices[0]); err != nil {
				t.Fatal(err)
			}
		}
		in, err := intake.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		ins = append(ins, in)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- in.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	desk, err := ins[0].Desk(t.Context(), deskID)
	if err != nil {
		t.Fatal(err)
	}
	id, data := c.sealed(t, 1, nil)
	bodies := [][]byte{data}
	for range 3 { // the same id, number and sender, other bytes
		_, other := c.sealed(t, 1, nil, func(b *request.Body) { b.Request.ID = id })
		bodies = append(bodies, other)
	}
	var mu sync.Mutex
	var fresh, refused int
	receipts := map[string]int{}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			body := bodies[i/2%len(bodies)]
			receipt, isFresh, err := ins[i%2].Accept(context.Background(), desk, id, body)
			mu.Lock()
			defer mu.Unlock()
			if p, ok := intake.AsRefusal(err); ok && p.Code == wire.ReasonOtherBody {
				refused++
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			if isFresh {
				fresh++
			}
			receipts[string(receipt)]++
		})
	}
	wg.Wait()
	if fresh != 1 || len(receipts) != 1 || refused != 24 {
		t.Fatalf("%d fresh, %d different receipts, %d refused; want 1, 1, 24", fresh, len(receipts), refused)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%d payloads, %v, want 1", len(names), err)
	}
	stored, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for receipt := range receipts {
		s, err := wire.VerifyStatement(&c.receipt.PublicKey, []byte(receipt))
		if err != nil || !bytes.Equal(s.BodyHash, request.Hash(stored)) {
			t.Fatalf("the receipt is not that of the stored bytes: %v", err)
		}
	}
	// Whichever decides, the result is one, and both serve it.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		counts, err := c.countsOf(t, use)
		if err != nil {
			t.Fatal(err)
		}
		if counts == fmt.Sprint(map[wire.State]int{wire.StateGranted: 1}) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("states after 10 s: %s", counts)
		}
	}
}

func (c *centre) countsOf(t *testing.T, use func(*intake.Options)) (string, error) {
	var o intake.Options
	use(&o)
	counts, err := o.Vault.Counts(t.Context())
	return fmt.Sprint(counts), err
}
