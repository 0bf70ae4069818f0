package vault

import (
	"bytes"
	"crypto"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// Desk is one registered desk.
type Desk struct {
	ID           string
	Registered   time.Time
	Revoked      time.Time // zero: not revoked
	Certificates []Certificate
	Devices      []Key // newest first
	Officers     []Officer
}

// Certificate is a TLS client certificate of a desk.
type Certificate struct {
	SHA256     []byte // of the DER
	NotAfter   time.Time
	Registered time.Time
	Revoked    time.Time
}

// Key is a registered signing key.
type Key struct {
	ID         []byte // request.KeyID
	Public     crypto.PublicKey
	Origin     request.KeyOrigin // as its enrolment says; "" where that said nothing
	Registered time.Time
	Revoked    time.Time
}

// Officer is an officer's key at one desk.
type Officer struct {
	Key
	Name string // the account's name at the desk
}

// Older says whether the desk has certificates in force that were registered
// before the one of this SHA-256.
func (d Desk) Older(certificate []byte) bool {
	for _, this := range d.Certificates {
		if !bytes.Equal(this.SHA256, certificate) {
			continue
		}
		for _, c := range d.Certificates {
			if c.Revoked.IsZero() && c.Registered.Before(this.Registered) {
				return true
			}
		}
	}
	return false
}

// Device returns the desk's device key of this id.
func (d Desk) Device(kid []byte) (Key, bool) {
	for _, k := range d.Devices {
		if bytes.Equal(k.ID, kid) {
			return k, true
		}
	}
	return Key{}, false
}

// Officer returns the key of this id of an officer at the desk.
func (d Desk) Officer(kid []byte) (Officer, bool) {
	for _, o := range d.Officers {
		if bytes.Equal(o.ID, kid) {
			return o, true
		}
	}
	return Officer{}, false
}

// Request is one stored request.
type Request struct {
	Ident    request.Ident
	Hash     []byte // SHA-256 of the sealed bytes
	Previous []byte // hash of the desk's request before it
	Payload  string // name in the payload store
	Received time.Time
	Receipt  []byte // signed; the same for every repetition
	State    wire.State
	Moved    time.Time // when it came into State
	Attempts int       // claims since then
	Result   []byte    // signed result of State; nil while received
}

// Result is one signed result.
type Result struct {
	State  wire.State
	Reason wire.Reason
	At     time.Time
	Signed []byte
}

// Announcement is what a desk is going to send.
type Announcement struct {
	Desk, ID string
	Hash     []byte
	Size     int64
	Deadline string // YYYY-MM-DD, the legal deadline
	At       time.Time
}

// Alarm is for the central's operator.
type Alarm struct {
	Desk   string
	Code   AlarmCode
	Detail string // sizes and hashes, nothing about a person
	At     time.Time
}

// AlarmCode names a kind of alarm.
type AlarmCode string

const (
	// AlarmLog says that a desk's log is not a continuation of what the desk
	// showed before: cut, rewritten or rolled back.
	AlarmLog AlarmCode = "log_inconsistent"
	// AlarmChain says that two requests of one desk claim the same place: a desk
	// that was copied or rolled back.
	AlarmChain AlarmCode = "chain_broken"
)
