package queue

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hpke"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// needKeyring skips where the kernel refuses keyrings.
func needKeyring(t *testing.T) {
	t.Helper()
	name := "enrold:test:" + t.Name()
	if err := (keyring{}).put(name, []byte("x")); err != nil {
		t.Skipf("the kernel refuses keyrings here: %v", err)
	}
	if err := (keyring{}).revoke(name); err != nil {
		t.Fatal(err)
	}
}

// TestMain serves as the process that TestJournalSurvivesKill kills.
func TestMain(m *testing.M) {
	// Every step of a property test waits for a disk: 100 runs would take a minute.
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	if dir := os.Getenv("ENROLD_TEST_JOURNAL"); dir != "" {
		journalUntilKilled(dir)
		return
	}
	if dir := os.Getenv("ENROLD_TEST_FSYNC"); dir != "" {
		enqueueUntilRefused(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func journalUntilKilled(dir string) {
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		panic(err)
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	q, err := Open(ctx, Options{Dir: filepath.Join(dir, "data"), DeskID: "desk-1", Signers: request.Signers{Device: key}, Recipients: []hpke.PublicKey{central.PublicKey()}})
	if err != nil {
		panic(err)
	}
	visit := newRequest(0).ID
	for i, step := range []string{"document", "face", "finger"} {
		if err := q.Journal().Append(ctx, visit, step, fmt.Appendf(nil, "%s %d", marker, i)); err != nil {
			panic(err)
		}
	}
	fmt.Println(visit)
	select {}
}

// killedDesk runs a process that journals three steps and is killed with -9.
func killedDesk(t *testing.T) (d *desk, visit string) {
	t.Helper()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "ENROLD_TEST_JOURNAL="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	d = &desk{dir: filepath.Join(dir, "data"), key: key, central: central}
	d.open(t)
	t.Cleanup(func() { d.Close() })
	return d, lines.Text()
}

func keyName(d *desk) string { return d.journal.keys.(*keyringDrafts).name }

func TestJournalSurvivesKill(t *testing.T) {
	needKeyring(t)
	d, visit := killedDesk(t)
	id, entries, err := d.Journal().Load(t.Context())
	if err != nil || id != visit || len(entries) != 3 || entries[2].Step != "finger" || string(entries[2].Data) != marker+" 2" {
		t.Fatalf("Load = %q, %d entries, %v, want visit %q", id, len(entries), err, visit)
	}
	searchMarker(t, d.dir)

	// The visit goes on and ends in the queue: no journal, no key.
	if err := d.Journal().Append(t.Context(), visit, "consent", nil); err != nil {
		t.Fatal(err)
	}
	r := newRequest(50_000)
	r.ID = visit
	if _, err := d.Enqueue(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if id, _, err := d.Journal().Load(t.Context()); err != nil || id != "" {
		t.Fatalf("Load after Enqueue = %q, %v", id, err)
	}
	if _, err := (keyring{}).get(keyName(d)); err == nil {
		t.Fatal("the visit's key outlived the visit")
	}
	searchMarker(t, d.dir)
}

func TestJournalWithoutKeyIsAbandoned(t *testing.T) {
	needKeyring(t)
	d, visit := killedDesk(t)
	if err := (keyring{}).revoke(keyName(d)); err != nil { // as a power cut does
		t.Fatal(err)
	}
	id, entries, err := d.Journal().Load(t.Context())
	if eid.CodeOf(err) != eid.CodeJournalLost || id != visit || entries != nil {
		t.Fatalf("Load = %q, %v, %v, want %s", id, entries, err, eid.CodeJournalLost)
	}
	if id, _, err := d.Journal().Load(t.Context()); err != nil || id != "" {
		t.Fatalf("second Load = %q, %v, want nothing", id, err)
	}
	next := newRequest(0).ID
	if err := d.Journal().Append(t.Context(), next, "document", nil); err != nil {
		t.Fatalf("a new visit after an abandoned one: %v", err)
	}
	if err := d.Journal().Clear(t.Context(), next); err != nil {
		t.Fatal(err)
	}
}

func TestJournalRules(t *testing.T) {
	d := openDesk(t)
	j, a, b := d.Journal(), newRequest(0).ID, newRequest(0).ID
	if err := j.Append(t.Context(), a, "document", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), b, "document", nil); eid.CodeOf(err) != eid.CodeState {
		t.Fatalf("a second visit = %v, want %s", err, eid.CodeState)
	}
	if err := j.Append(t.Context(), "../x", "document", nil); eid.CodeOf(err) != eid.CodeInput {
		t.Fatalf("a bad id = %v, want %s", err, eid.CodeInput)
	}
	if err := j.Append(t.Context(), a, "face", []byte("2")); err != nil {
		t.Fatal(err)
	}
	// Two entries that change places do not open.
	if err := d.store.Write(func(tx store.Tx) error {
		_, err := tx.Exec(`UPDATE visit_journal SET number = CASE number WHEN 1 THEN -2 ELSE -1 END`)
		if err == nil {
			_, err = tx.Exec(`UPDATE visit_journal SET number = -number`)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Load(t.Context()); eid.CodeOf(err) != eid.CodeJournalLost {
		t.Fatalf("Load of swapped entries = %v, want %s", err, eid.CodeJournalLost)
	}
	if err := j.Append(t.Context(), b, "document", nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Clear(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if id, _, err := j.Load(t.Context()); err != nil || id != "" {
		t.Fatalf("Load after Clear = %q, %v", id, err)
	}
}

// Where the kernel refuses keyrings the visit goes on, and a restart abandons it.
func TestJournalWithoutKeyring(t *testing.T) {
	d := openDesk(t)
	refuse := func() { d.journal.keys.(*keyringDrafts).name = strings.Repeat("x", 5000) } // longer than the kernel takes
	refuse()
	visit := newRequest(0).ID
	for _, step := range []string{"document", "face"} {
		if err := d.Journal().Append(t.Context(), visit, step, []byte(marker)); err != nil {
			t.Fatal(err)
		}
	}
	if id, entries, err := d.Journal().Load(t.Context()); err != nil || id != visit || len(entries) != 2 {
		t.Fatalf("Load in the same process = %q, %d entries, %v", id, len(entries), err)
	}
	searchMarker(t, d.dir)
	d.reopen(t)
	refuse()
	if _, _, err := d.Journal().Load(t.Context()); eid.CodeOf(err) != eid.CodeJournalLost {
		t.Fatalf("Load after a restart = %v, want %s", err, eid.CodeJournalLost)
	}
}

// searchMarker fails when any file below dir holds the person's marker.
func searchMarker(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if bytes.Contains(data, []byte(marker)) || bytes.Contains(data, []byte("099078000404")) {
			t.Errorf("%s holds personal data", filepath.Base(path))
		}
		return nil
	})
	if err != nil || files < 2 {
		t.Fatalf("searched %d files: %v", files, err)
	}
}

// A request that has no steps here is enqueued while a visit is open: the visit's
// key must outlive it, also in the next process.
func TestAnotherRequestLeavesTheOpenVisitItsKey(t *testing.T) {
	d := openDesk(t)
	visit := newRequest(10).ID
	if err := d.Journal().Append(t.Context(), visit, "chip", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Enqueue(t.Context(), newRequest(10)); err != nil {
		t.Fatal(err)
	}
	d.reopen(t)
	got, steps, err := d.Journal().Load(t.Context())
	if err != nil || got != visit || len(steps) != 1 {
		t.Fatalf("Load = %s, %d steps, %v, want %s with its step", got, len(steps), err, visit)
	}
}
