package durability

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
)

// TestDiskFaults lets a desk's system calls fail under strace, since preloading
// does not reach a Go program. strace counts the calls of each thread. After an fsync that failed nothing more may be
// acknowledged; a disk that is full for a while may only refuse.
func TestDiskFaults(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("faults of the disk not tried: strace is missing (make setup installs it)")
	}
	if out, err := exec.Command("strace", "-e", "trace=none", "true").CombinedOutput(); err != nil {
		t.Skipf("faults of the disk not tried: strace may not trace here: %s", out)
	}
	for _, c := range []struct {
		name, inject string
		stops        bool
		code         eid.Code
	}{
		{"one fsync of each thread", "fsync:error=EIO:when=20", true, eid.CodeQueueStopped},
		{"every fsync from some time on", "fsync:error=EIO:when=20+", true, eid.CodeQueueStopped},
		{"write of the log", "pwrite64:error=EIO:when=90", true, eid.CodeQueueStopped},
		{"no room in the log for a while", "pwrite64:error=ENOSPC:when=30..40", false, eid.CodeDiskFull},
		{"no room for new names for a while", "openat:error=ENOSPC:when=60..66", false, eid.CodeDiskFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, l := newPlaces(t), newLedger()
			makeQueue(t, at)
			call, _, _ := strings.Cut(c.inject, ":")
			wrap := []string{"strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=" + c.inject}
			o := order{Role: "desk", Root: at.root, Data: at.desk, desk: desk{Producers: 3, Limit: 600, Offline: true}}
			d := start(t, executable(t), o, l.hear, wrap...)
			d.tell("go")
			until(t, "the desk met the fault", func() bool {
				if d.over() {
					t.Fatalf("the desk ended, refused %v: %s", l.refused, d.errText.String())
				}
				if c.stops {
					return l.hasStopped() && l.count(c.code) > 10
				}
				return l.goneOn() > 5
			})
			_ = d.end() // a stopped desk says so with its status

			l.mu.Lock()
			defer func(acked, after, again int, refused map[string]int) {
				t.Logf("%d acknowledged, %d of them begun after the fault, refused %v, %d sent again", acked, after, refused, again)
			}(len(l.order), l.after, len(l.begun), l.refused)
			if c.stops && l.after > 0 {
				t.Errorf("%d requests acknowledged that were begun after the fault", l.after)
			}
			if !c.stops && l.after == 0 {
				t.Error("nothing that came after the fault was acknowledged when there was room again")
			}
			if len(l.order) == 0 {
				t.Error("nothing was acknowledged before the fault: this proves nothing")
			}
			l.mu.Unlock()
			// A new process finds all that was acknowledged and takes the rest.
			unanswered := l.unanswered()
			again := start(t, executable(t), order{Role: "desk", Root: at.root, Data: at.desk, desk: desk{Offline: true}}, l.hear)
			again.tell(unanswered...)
			until(t, "the rest is queued", func() bool { return len(l.unanswered()) == 1 })
			if err := again.end(); err != nil {
				t.Fatal(err)
			}
			gone, findings, err := lost(t.Context(), at, l, l.promises())
			if err != nil || len(gone) > 0 || len(findings) > 0 || len(l.broken) > 0 {
				t.Fatalf("lost %v, found %v, broken %v, %v", gone, findings, l.broken, err)
			}
		})
	}
}

// TestDiskFull fills a small real disk: requests are refused with E-DISK-FULL,
// none is lost, and when there is room again the desk goes on by itself.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("full disk not tried: mounting needs root")
	}
	at, l := newPlaces(t), newLedger()
	if err := run("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", at.desk); err != nil {
		t.Skipf("full disk not tried: %v", err)
	}
	t.Cleanup(func() { _ = run("umount", at.desk) })
	ballast := filepath.Join(at.desk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, executable(t), order{Role: "desk", Root: at.root, Data: at.desk, desk: desk{Producers: 3, Offline: true}}, l.hear)
	d.tell("go")
	until(t, "the disk is full", func() bool { return l.count(eid.CodeDiskFull) > 20 })
	before := len(l.promises())
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	until(t, "the desk goes on", func() bool { return len(l.promises()) > before+5 })
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	gone, findings, err := lost(t.Context(), at, l, l.promises())
	if err != nil || len(gone) > 0 || len(findings) > 0 || len(l.broken) > 0 || l.stopped {
		t.Fatalf("lost %v, found %v, broken %v, stopped %v, %v", gone, findings, l.broken, l.stopped, err)
	}
	if len(l.refused) != 1 {
		t.Errorf("refused with %v, want %s only", l.refused, eid.CodeDiskFull)
	}
	t.Logf("%d acknowledged before the disk was full, %d after, refused %v", before, len(l.promises())-before, l.refused)
}

// newPlaces makes the keys and empty folders of both ends.
func newPlaces(t *testing.T) places {
	t.Helper()
	at := places{t.TempDir(), t.TempDir(), t.TempDir()}
	if err := prepare(t.Context(), at.root, at.central); err != nil {
		t.Fatal(err)
	}
	return at
}

// makeQueue makes the desk's folder, so that faults meet its work and not its tables.
func makeQueue(t *testing.T, at places) {
	t.Helper()
	opts, err := deskOptions(at.root, at.desk)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
