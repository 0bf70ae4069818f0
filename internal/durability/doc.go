// Package durability holds the programs that try to lose requests: they kill
// desk and central with SIGKILL, cut the power of their disks, let the disk fail
// and fill up, flip bits, set clocks and put back old copies, always with real
// processes over real TLS, and count what was acknowledged and is gone.
//
//	make crash      1,000 kills (CRASH_N)
//	make powerfail  100 power cuts (POWERFAIL_N), and the control that must lose
//
// All of it is tests: `go test` runs short forms. Package rate measures how fast
// the queue is beside its disk.
package durability
