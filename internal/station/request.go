package station

import (
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Request is what a finished visit hands to the queue: everything that the
// signed body will hold, still in the clear, in memory only.
type Request struct {
	ID         string               `cbor:"id"` // UUIDv7
	Procedure  eid.ProcedureKind    `cbor:"procedure"`
	RuleSet    string               `cbor:"rule_set"` // "vn-69-2024"
	Subject    eid.Subject          `cbor:"subject"`
	Guardian   *eid.Guardian        `cbor:"guardian,omitempty"`
	Documents  []eid.Document       `cbor:"documents"` // the one with the chip first
	Contacts   eid.Contacts         `cbor:"contacts"`
	Portraits  []eid.PortraitRecord `cbor:"portraits"` // best first
	Fingers    []eid.FingerRecord   `cbor:"fingers"`
	Decisions  []eid.Decision       `cbor:"decisions"`  // in the order in which they were made
	Attempts   map[string]int       `cbor:"attempts"`   // per step: "chip", "face", "finger-2"
	Exceptions []eid.Exception      `cbor:"exceptions"` // what was not taken, and why
	// Attestations are what the officer states of his own knowledge.
	Attestations []eid.Attestation `cbor:"attestations,omitempty"`
	Warnings     []eid.Code        `cbor:"warnings,omitempty"` // doubts that the officer went on with
	Consent      eid.Consent       `cbor:"consent"`
	Officer      string            `cbor:"officer"`
	Devices      []eid.Device      `cbor:"devices"`
	Digests      []eid.Digest      `cbor:"digests"`
	ReceivedAt   time.Time         `cbor:"received_at"`
	DueAt        eid.Date          `cbor:"due_at"`
	DueRule      string            `cbor:"due_rule"`   // "CLK-2"
	DecidedBy    string            `cbor:"decided_by"` // local_precheck
}

// Chip returns the document that was read from a chip, nil without one.
func (r Request) Chip() *eid.ChipDocument {
	for _, d := range r.Documents {
		if d.Chip != nil {
			return d.Chip
		}
	}
	return nil
}

// Setting is what the desk is made of while it serves a visit.
type Setting struct {
	Devices []eid.Device
	Digests []eid.Digest
}
