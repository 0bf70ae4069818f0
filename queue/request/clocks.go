package request

import "time"

// Clocks is every clock of the desk at the moment of sealing. A wall clock that
// was turned shows against the others: the boot's own time runs on, the central
// has said what time it was, and a hardware counter only counts up.
type Clocks struct {
	Wall      time.Time  `cbor:"wall"`
	BootID    []byte     `cbor:"boot_id"`               // the kernel's, new at each start; empty where it is unknown
	Monotonic int64      `cbor:"monotonic_ns"`          // nanoseconds since that start, sleep included
	Trusted   *time.Time `cbor:"trusted,omitempty"`     // last time that a central has signed
	Counter   *uint64    `cbor:"tpm_counter,omitempty"` // value of the hardware counter for this request
}
