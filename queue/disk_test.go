package queue

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hpke"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// enqueueUntilRefused is the process whose fsync fails: it says each
// acknowledged id, then what the first failure and the next try answered.
func enqueueUntilRefused(dir string) {
	q, err := openFor(dir)
	if err != nil {
		fmt.Println("open", eid.CodeOf(err))
		return
	}
	var first error
	for i := range 200 {
		r := newRequest([]int{1000, fileSample}[i%2]) // a row, a file
		if _, first = q.Enqueue(context.Background(), r); first != nil {
			break
		}
		fmt.Println("kept", r.ID)
	}
	fmt.Println("first", eid.CodeOf(first))
	_, again := q.Enqueue(context.Background(), newRequest(1000))
	fmt.Println("again", eid.CodeOf(again))
	fmt.Println("room", eid.CodeOf(q.Room(context.Background())))
	select {
	case <-q.Stopped():
		fmt.Println("stopped")
	default:
	}
}

func openFor(dir string) (*Queue, error) {
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		return nil, err
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		return nil, err
	}
	return Open(context.Background(), Options{
		Dir: filepath.Join(dir, "data"), DeskID: "desk-1", Signers: request.Signers{Device: key},
		Recipients: []hpke.PublicKey{central.PublicKey()}, MinFree: 1, Reserve: 1 << 20,
	})
}

// A failed fsync at any point stops the queue for good: nothing is acknowledged
// after it, and everything that was acknowledged before is there when it is
// opened again. The kernel's errors are injected by strace, since no other way
// reaches a program without libc.
func TestFailedFsyncStopsTheQueue(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	for _, c := range []struct {
		calls string
		when  int
	}{{"fsync,fdatasync", 14}, {"fsync,fdatasync", 15}, {"fsync,fdatasync", 16}, {"fsync,fdatasync", 17}, {"pwrite64", 60}} {
		t.Run(fmt.Sprintf("%s %d", c.calls, c.when), func(t *testing.T) {
			dir := t.TempDir()
			if q, err := openFor(dir); err != nil { // files are made, so that the counts begin with requests
				t.Fatal(err)
			} else if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			child := exec.Command(strace, "-f", "-qq", "-o", filepath.Join(dir, "trace"), "-e", "trace="+c.calls,
				"-e", fmt.Sprintf("inject=%s:error=EIO:when=%d", c.calls, c.when), os.Args[0])
			child.Env = append(os.Environ(), "ENROLD_TEST_FSYNC="+dir)
			out, err := child.CombinedOutput()
			if strings.Contains(string(out), "ptrace") {
				t.Skip("strace may not trace here")
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			said := map[string][]string{}
			for line := range strings.Lines(string(out)) {
				word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
				said[word] = append(said[word], rest)
			}
			stopped := string(eid.CodeQueueStopped)
			if len(said["first"]) != 1 || said["first"][0] != stopped || said["again"][0] != stopped || said["room"][0] != stopped || len(said["stopped"]) != 1 {
				t.Fatalf("the process said\n%s", out)
			}
			q, err := openFor(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer q.Close()
			for _, id := range said["kept"] {
				if _, err := q.Payload(t.Context(), id); err != nil {
					t.Errorf("acknowledged and lost: %v", err)
				}
			}
			if got := verify(t, filepath.Join(dir, "data")); len(got.Findings) != 0 {
				t.Fatalf("findings %+v", got.Findings)
			}
			if _, err := q.Enqueue(t.Context(), newRequest(1000)); err != nil {
				t.Fatalf("after the restart: %v", err)
			}
			t.Logf("%d kept before the error", len(said["kept"]))
		})
	}
}

// smallDisk mounts a file system of its own.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("enrold-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// When the disk is full, the reserve lets the visit that is under way end; the
// next one is refused before it begins, and nothing is lost.
func TestFullDiskLetsTheOpenVisitEnd(t *testing.T) {
	disk := smallDisk(t, 12<<20)
	d := openDesk(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.dir = filepath.Join(disk, "data")
	open := func() {
		o := d.options()
		o.Reserve, o.MinFree = 2<<20, 1<<20
		q, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		d.Queue = q
	}
	open()
	if err := d.Room(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := []string{d.mustEnqueue(t)}
	visit := newRequest(400 << 10)
	if err := d.Journal().Append(t.Context(), visit.ID, "document", bytes.Repeat([]byte{1}, 200<<10)); err != nil {
		t.Fatal(err)
	}
	fillDisk(t, disk)
	if err := d.Room(t.Context()); eid.CodeOf(err) != eid.CodeDiskFull {
		t.Fatalf("Room on a full disk = %v", err)
	}
	if err := d.Journal().Append(t.Context(), visit.ID, "face", bytes.Repeat([]byte{2}, 200<<10)); err != nil {
		t.Fatalf("the visit's next step: %v", err)
	}
	if _, err := d.Enqueue(t.Context(), visit); err != nil {
		t.Fatalf("the visit's end: %v", err)
	}
	kept = append(kept, visit.ID)
	// Without a reserve now: more is refused, in so many words.
	refused := 0
	for range 12 {
		r := newRequest(400 << 10)
		if _, err := d.Enqueue(t.Context(), r); err == nil {
			kept = append(kept, r.ID)
		} else if eid.CodeOf(err) != eid.CodeDiskFull {
			t.Fatalf("Enqueue on a full disk = %v", err)
		} else {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("the disk never became full")
	}
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	if err := d.Room(t.Context()); err != nil { // and the reserve is there again
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(d.dir, "reserve")); err != nil || info.Size() != 2<<20 {
		t.Fatalf("reserve: %v", err)
	}
	kept = append(kept, d.mustEnqueue(t))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open()
	for _, id := range kept {
		if _, err := d.Payload(t.Context(), id); err != nil {
			t.Errorf("acknowledged and lost: %v", err)
		}
	}
	if got := verify(t, d.dir); len(got.Findings) != 0 || got.Requests != len(kept) {
		t.Fatalf("%d kept, report %+v", len(kept), got)
	}
}

func fillDisk(t *testing.T, disk string) {
	t.Helper()
	f, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 4096)
	for {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}
