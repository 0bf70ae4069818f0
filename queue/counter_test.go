package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// ticks is a counter as a TPM has one: it begins anywhere and only goes up.
// hw/tpm's tests hold the real one to the same contract.
type ticks struct {
	value uint64
	fail  error
}

func (c *ticks) Increment(context.Context) (uint64, error) {
	if c.fail != nil {
		return 0, c.fail
	}
	c.value++
	return c.value, nil
}

func (c *ticks) Read(context.Context) (uint64, error) { return c.value, nil }

// withCounter is a desk whose queue is bound to a counter.
func withCounter(t *testing.T) (*desk, *ticks) {
	t.Helper()
	d, c := openDesk(t), &ticks{value: 1000}
	d.counter = c
	d.reopen(t)
	return d, c
}

func (d *desk) mustEnqueue(t *testing.T) string {
	t.Helper()
	r := newRequest(100)
	if _, err := d.Enqueue(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// copyDir is what an attacker, or a backup, keeps of a data folder.
func copyDir(t *testing.T, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	if err := os.CopyFS(filepath.Join(to, "copy"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(to, "copy")
}

func putBack(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func TestOldCopyIsNoticed(t *testing.T) {
	d, c := withCounter(t)
	d.mustEnqueue(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	old := copyDir(t, d.dir)
	d.open(t)
	d.mustEnqueue(t)
	if c.value != 1002 {
		t.Fatalf("counter %d after two commits, want 1002", c.value)
	}
	d.reopen(t) // no false alarm
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	putBack(t, old, d.dir)
	if q, err := Open(t.Context(), d.options()); eid.CodeOf(err) != eid.CodeQueueRollback {
		t.Fatalf("Open of an old copy = %v, %v, want %s", q, err, eid.CodeQueueRollback)
	}
	if got, err := verifyWith(t, d.dir, c); err != nil || len(got.Findings) != 1 {
		t.Fatalf("Verify of an old copy = %+v, %v", got, err)
	}
	if err := AcceptRollback(t.Context(), d.dir, c, "disk replaced from the backup of Monday"); err != nil {
		t.Fatal(err)
	}
	d.open(t)
	d.mustEnqueue(t)
	got, err := verifyWith(t, d.dir, c)
	if err != nil || len(got.Findings) != 0 || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "backup of Monday") {
		t.Fatalf("after acceptance: %+v, %v", got, err)
	}
}

func verifyWith(t *testing.T, dir string, c Counter) (Report, error) {
	t.Helper()
	r, err := OpenReader(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Verify(t.Context(), Verification{Counter: c})
}

// A crash between commit and increment leaves the row one ahead: the next open
// makes the increment and raises no alarm.
func TestCrashBeforeTheIncrementIsNoAlarm(t *testing.T) {
	d, c := withCounter(t)
	c.fail = errors.New("TPM is gone")
	first := d.mustEnqueue(t) // safe on the disk, so acknowledged
	d.mustEnqueue(t)
	if c.value != 1000 {
		t.Fatalf("counter %d", c.value)
	}
	c.fail = nil
	d.reopen(t)
	if c.value != 1001 {
		t.Fatalf("counter %d after the open, want 1001", c.value)
	}
	if _, found, err := d.Find(t.Context(), first); err != nil || !found {
		t.Fatalf("Find = %v, %v", found, err)
	}
	d.mustEnqueue(t)
	d.reopen(t)
	if c.value != 1002 {
		t.Fatalf("counter %d, want 1002", c.value)
	}
}

func TestForeignCounterIsNoticed(t *testing.T) {
	d, c := withCounter(t)
	d.mustEnqueue(t)
	d.mustEnqueue(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, value := range []uint64{0, 1000, 1003, 1 << 40} { // cleared, behind, ahead, of another machine
		c.value = value
		if _, err := Open(t.Context(), d.options()); eid.CodeOf(err) != eid.CodeQueueRollback {
			t.Errorf("counter %d: Open = %v", value, err)
		}
	}
}
