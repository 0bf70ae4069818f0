package locked

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

func TestAlloc(t *testing.T) {
	m := New()
	for _, n := range []int{1, 4096, 3 << 20} {
		data, err := m.Alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != n || cap(data) != n || uintptr(unsafe.Pointer(&data[0]))%64 != 0 {
			t.Errorf("%d bytes: got %d at %p", n, len(data), data)
		}
		data[0], data[n-1] = 1, 1
		if err := m.Refused(); err == nil && n == 4096 {
			if flags := flagsOf(t, &data[0]); !strings.Contains(flags, " lo") || !strings.Contains(flags, " dd") || !strings.Contains(flags, " dc") {
				t.Errorf("flags of the mapping:%s, want lo (locked), dd (no dump), dc (no child)", flags)
			}
		}
		if err := m.Free(data); err != nil {
			t.Error(err)
		}
	}
	if err := m.Free(make([]byte, 8)); err == nil {
		t.Error("freed what was not handed out")
	}
	if _, err := m.Alloc(0); err == nil {
		t.Error("mapped nothing")
	}
}

// flagsOf reads VmFlags of the mapping that holds p (proc(5), smaps).
func flagsOf(t *testing.T, p *byte) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("no /proc/self/smaps")
	}
	at, inside := uintptr(unsafe.Pointer(p)), false
	for line := range strings.Lines(string(text)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= at && at < to
		}
		if rest, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return " " + strings.Join(strings.Fields(rest), " ")
		}
	}
	t.Fatal("the mapping is not in /proc/self/smaps")
	return ""
}
