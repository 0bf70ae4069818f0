package queue

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is what a desk knows of time: a wall clock that anybody may set, and one
// that only counts while the machine runs.
type Clock interface {
	Now() time.Time
	// SinceBoot tells which start of the machine this is and how long ago it was,
	// sleep included.
	SinceBoot() (boot []byte, elapsed time.Duration)
}

// machineClock is the machine's own.
type machineClock struct{ boot []byte }

func newMachineClock() machineClock {
	// Without /proc (a chroot) the boot is unknown: then only steps back are seen.
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return machineClock{boot: []byte{}}
	}
	id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil {
		return machineClock{boot: []byte{}}
	}
	return machineClock{boot: id}
}

func (machineClock) Now() time.Time { return time.Now() }

func (c machineClock) SinceBoot() ([]byte, time.Duration) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return []byte{}, 0
	}
	return c.boot, time.Duration(t.Nano())
}

const (
	kindClock = "clock"
	// clockSlack is what a time service may correct without an entry in the log.
	clockSlack = 2 * time.Second
)

// clockSet compares two neighbouring entries. Within one start of the machine
// the wall clock must have gone as far as the other; across a restart it must
// not have gone back.
func clockSet(last, now Entry) (said string, set bool) {
	wall := now.At - last.At
	switch {
	case len(now.Boot) > 0 && bytes.Equal(last.Boot, now.Boot):
		step := wall - (now.Elapsed - last.Elapsed)
		if step > clockSlack.Milliseconds() || step < -clockSlack.Milliseconds() {
			return fmt.Sprintf("set_ms=%d", step), true
		}
	case wall < -clockSlack.Milliseconds():
		return fmt.Sprintf("back_ms=%d", -wall), true
	}
	return "", false
}
