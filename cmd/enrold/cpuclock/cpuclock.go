// Package cpuclock measures processor time, which other programs on the machine
// disturb less than they do a wall clock.
package cpuclock

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Thread measures one thread.
type Thread struct{ start time.Duration }

// StartThread binds the goroutine to its thread until Stop.
func StartThread() Thread {
	runtime.LockOSThread()
	return Thread{read(unix.CLOCK_THREAD_CPUTIME_ID)}
}

// Stop returns the time since the start.
func (c Thread) Stop() time.Duration {
	defer runtime.UnlockOSThread()
	return read(unix.CLOCK_THREAD_CPUTIME_ID) - c.start
}

// Process is what the whole process has used so far.
func Process() time.Duration { return read(unix.CLOCK_PROCESS_CPUTIME_ID) }

// read is 0 where the system has no such clock; getrusage counts in ticks of the
// scheduler.
func read(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
