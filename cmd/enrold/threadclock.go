package main

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// threadClock measures the processor time of one thread, which other programs
// on the machine disturb less than they do a wall clock.
type threadClock struct{ start time.Duration }

// startThreadClock binds the goroutine to its thread until stop.
func startThreadClock() threadClock {
	runtime.LockOSThread()
	return threadClock{threadTime()}
}

func (c threadClock) stop() time.Duration {
	defer runtime.UnlockOSThread()
	return threadTime() - c.start
}

// threadTime reads CLOCK_THREAD_CPUTIME_ID (clock_gettime(2)): getrusage counts
// in ticks of the scheduler.
func threadTime() time.Duration {
	const threadCPUTime = 3
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPUTime, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0
	}
	return time.Duration(t.Nano())
}
