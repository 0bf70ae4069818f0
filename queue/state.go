package queue

import "slices"

// State of a request at the desk.
type State string

const (
	Captured          State = "captured"         // the visit is open: steps in the journal, no row yet
	Sealed            State = "sealed"           // waiting to be sent
	Announced         State = "announced"        // the central knows id, hash, size and deadline
	Uploading         State = "uploading"        // the first byte was sent: frozen
	Received          State = "received"         // the central has it; its payload is gone from here
	Accepted          State = "accepted"         // the central's checks passed; it is with those who decide
	NeedsCorrection   State = "needs_correction" // the deciding authority wants something mended
	Granted           State = "granted"
	Rejected          State = "rejected"
	Activated         State = "activated"          // the person used the account
	ActivationExpired State = "activation_expired" // not in time
	Refused           State = "refused"            // the central does not take it: put aside with its payload
)

// waiting are the states in which a request is still to be sent.
var waiting = []State{Sealed, Announced, Uploading}

func (s State) waits() bool { return slices.Contains(waiting, s) }

// decided lists what may follow a state by a result of the central. A desk that
// was offline sees the latest result only, so states between may be missing.
var decided = map[State][]State{
	Received:        {Accepted, NeedsCorrection, Granted, Rejected, Activated, ActivationExpired},
	Accepted:        {NeedsCorrection, Granted, Rejected, Activated, ActivationExpired},
	NeedsCorrection: {Accepted, Granted, Rejected, Activated, ActivationExpired},
	Granted:         {Activated, ActivationExpired},
}

// decision says whether s is a state that a result of the central brings.
func (s State) decision() bool { return slices.Contains(decided[Received], s) }
