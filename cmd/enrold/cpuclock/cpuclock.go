// Package cpuclock measures processor time, which other programs on the machine
// disturb less than they do a wall clock.
package cpuclock

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// Thread measures one thread.
type Thread struct{ start time.Duration }

// StartThread binds the goroutine to its thread until Stop.
func StartThread() Thread {
	runtime.LockOSThread()
	return Thread{read(threadCPUTime)}
}

// Stop returns the time since the start.
func (c Thread) Stop() time.Duration {
	defer runtime.UnlockOSThread()
	return read(threadCPUTime) - c.start
}

// Process is what the whole process has used so far.
func Process() time.Duration { return read(processCPUTime) }

const (
	processCPUTime = 2 // CLOCK_PROCESS_CPUTIME_ID
	threadCPUTime  = 3 // CLOCK_THREAD_CPUTIME_ID
)

// read is clock_gettime(2): getrusage counts in ticks of the scheduler.
func read(clock uintptr) time.Duration {
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0
	}
	return time.Duration(t.Nano())
}
