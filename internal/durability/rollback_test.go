package durability

import (
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/queue"
)

// TestOldCopyIsRefusedByTheCentral puts an old copy of the desk's folder back, as
// a restored backup would, on a desk without a hardware counter: the numbers that
// it gives out again are taken at the central, which keeps what it has and puts
// the desk's requests aside with a reason.
func TestOldCopyIsRefusedByTheCentral(t *testing.T) {
	at, addr, self := newPlaces(t), freeAddr(t), executable(t)
	central := start(t, self, order{Role: "central", Root: at.root, Data: at.central, Addr: addr}, func(string) {})
	if !central.wait() {
		t.Fatal(central.errText.String())
	}
	shift := func(n int) *ledger {
		l := newLedger()
		d := start(t, self, order{Role: "desk", Root: at.root, Data: at.desk, Addr: addr, desk: desk{Producers: 1, Limit: n}}, l.hear)
		d.tell("go")
		until(t, "the requests are queued", func() bool { return len(l.promises()) >= n })
		if err := drained(t.Context(), at.desk); err != nil {
			t.Fatal(err)
		}
		if err := d.end(); err != nil {
			t.Fatal(err)
		}
		return l
	}
	backup := filepath.Join(t.TempDir(), "old")
	first := shift(6)
	if err := run("cp", "-a", filepath.Join(at.desk, "desk"), backup); err != nil {
		t.Fatal(err)
	}
	second := shift(4)
	before, err := atCentral(t.Context(), at.central)
	if err != nil {
		t.Fatal(err)
	}
	if err := run("rm", "-r", filepath.Join(at.desk, "desk")); err != nil {
		t.Fatal(err)
	}
	if err := run("mv", backup, filepath.Join(at.desk, "desk")); err != nil {
		t.Fatal(err)
	}
	third := shift(3)

	after, err := atCentral(t.Context(), at.central)
	if err != nil {
		t.Fatal(err)
	}
	if len(before) != 10 || len(after) != 10 {
		t.Fatalf("the central has %d requests before and %d after, want 10 and 10", len(before), len(after))
	}
	if _, err := exact(t.Context(), at, append(first.promises(), second.promises()...)); err != nil {
		t.Fatal(err)
	}
	r, err := queue.OpenReader(t.Context(), filepath.Join(at.desk, "desk"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, id := range third.promises() {
		row, err := r.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if row.State != queue.Refused || row.Receipt || row.Reason == "" {
			t.Errorf("a request of the old copy is %s, reason %q", row.State, row.Reason)
		}
		if _, err := r.Payload(t.Context(), id); err != nil {
			t.Errorf("its payload is gone: %v", err)
		}
		t.Logf("number %d: %s, %s", row.Seq, row.State, row.Reason)
	}
}
