package bundle

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
)

// A stick without room is refused before the first byte, and nothing is left on it.
func TestFullStick(t *testing.T) {
	stick := t.TempDir()
	if err := unix.Mount("tmpfs", stick, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("a small file system needs the right to mount: %v", err)
	}
	defer func() {
		if err := unix.Unmount(stick, 0); err != nil {
			t.Error(err)
		}
	}()
	c := newCentral(t)
	d := c.desk("desk-1")
	d.enqueue(t, 1)
	_, err := Export{To: stick, Desk: d.id, Device: d.device, Rows: d.rows(t, queue.Sealed), Payloads: d, Now: time.Now()}.Write(t.Context())
	if eid.CodeOf(err) != eid.CodeDiskFull {
		t.Fatalf("Write = %v", err)
	}
	if left, err := os.ReadDir(stick); err != nil || len(left) != 0 {
		t.Fatalf("%d names left, %v", len(left), err)
	}
}
