package demo

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/sync/bundle"
	"github.com/enrold/enrold/sync/published"
)

// command runs one of the programs as an operator would, and returns what it printed.
func command(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(binDir, name), args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, said.String())
	}
	return out
}

// TestStickThereAndBack: the desk's daemon runs all the while and has no network.
// Its request goes by stick; receipt, result and newer seal keys come back by
// stick; and when the network comes, nothing happens twice.
func TestStickThereAndBack(t *testing.T) {
	p := Persona{Person: 1}
	d, actor := startDesk(t, Options{Offline: true}, p)
	for _, s := range steps(t, d, p) {
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	central, stick := filepath.Join(d.opts.Dir, "central"), t.TempDir()
	export := func() (dir string) {
		t.Helper()
		var done struct {
			Dir                string
			Requests, Awaiting int
		}
		if err := json.Unmarshal(command(t, "enrold", "queue", "export", "--config", d.configFile(), "--to", stick), &done); err != nil || done.Requests+done.Awaiting != 1 {
			t.Fatalf("export: %+v, %v", done, err)
		}
		return done.Dir
	}
	imported := func(dir string) (im bundle.Imported) {
		t.Helper()
		if err := json.Unmarshal(command(t, "central", "import", "--data", central, "--accept-emulated", dir), &im); err != nil {
			t.Fatal(err)
		}
		return im
	}
	receipts := func(answer string) {
		t.Helper()
		if out := command(t, "enrold", "queue", "receipts", "--config", d.configFile(), answer); !strings.Contains(string(out), "handed over") {
			t.Fatalf("receipts beside the daemon: %s", out)
		}
		within(t, 20*time.Second, "inbox emptied", func() bool {
			left, err := os.ReadDir(filepath.Join(d.cfg.Desk.Data, "inbox"))
			return err == nil && len(left) == 0
		})
	}
	row := func() web.QueueRow {
		t.Helper()
		rows, err := d.Screen.Queue(t.Context())
		if err != nil || len(rows) != 1 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		return rows[0]
	}
	granted := func(want int) bool {
		var s struct{ States map[string]int }
		if err := json.Unmarshal(command(t, "central", "status", "--data", central), &s); err != nil {
			t.Fatal(err)
		}
		return len(s.States) == 1 && s.States["granted"] == want
	}

	// What the root signs meanwhile comes back with the receipt.
	item := filepath.Join(d.opts.Dir, "seal_keys2.cose")
	command(t, "central", "root", "sign", "--key", filepath.Join(d.opts.Dir, "root", "root_private.pem"), "--kind", "seal_keys", "--version", "2", "--out", item, filepath.Join(central, "keys", "seal_key"))
	command(t, "central", "publish", "--data", central, item)
	first := export()
	im := imported(first)
	if im.Fresh != 1 || len(im.Codes) != 0 {
		t.Fatalf("import: %+v", im)
	}
	receipts(im.Answer)
	if r := row(); r.State != "received" || len(payloads(t, d)) != 0 {
		t.Fatalf("state %s, payloads %v", r.State, payloads(t, d))
	}
	var shown struct {
		Items []struct {
			Kind    string
			Version int64
		}
	}
	if err := json.Unmarshal(command(t, "enrold", "published", "--config", d.configFile(), "--json"), &shown); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(shown.Items, func(i struct {
		Kind    string
		Version int64
	},
	) bool {
		return i.Kind == published.KindSealKeys
	}); i < 0 || shown.Items[i].Version != 2 {
		t.Fatalf("published at the desk: %+v", shown.Items)
	}

	// The central decides where the desk does not reach it.
	elsewhere := d.centralAddr
	var err error
	if d.centralAddr, err = freeAddress(0); err != nil {
		t.Fatal(err)
	}
	if err := d.StartCentral(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, 90*time.Second, "decided", func() bool { return granted(1) })
	d.KillCentral()
	d.centralAddr = elsewhere
	if im = imported(export()); im.Fresh != 0 || len(im.Codes) != 0 {
		t.Fatalf("import of the question: %+v", im)
	}
	receipts(im.Answer)
	if r := row(); r.State != "granted" {
		t.Fatalf("state %s", r.State)
	}

	// The first bundle again, both ways, and then the network.
	if im = imported(first); im.Fresh != 0 || im.Known != 1 {
		t.Fatalf("import again: %+v", im)
	}
	receipts(im.Answer)
	if err := d.StartCentral(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Seat(actor, p); err != nil {
		t.Fatal(err)
	}
	d.opts.Offline = false
	if sum, err := d.Visit(t.Context(), p); err != nil || sum.Outcome != "granted" {
		t.Fatalf("by network: %s, %v", sum.Outcome, err)
	}
	if !granted(2) || len(payloads(t, d)) != 0 || queued(t, d) != 2 {
		t.Fatalf("two granted: %t, payloads %v, rows %d", granted(2), payloads(t, d), queued(t, d))
	}
}
