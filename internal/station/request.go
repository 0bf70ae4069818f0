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
	Document   eid.ChipDocument     `cbor:"document"`
	Contacts   eid.Contacts         `cbor:"contacts"`
	Guardian   *eid.Guardian        `cbor:"guardian,omitempty"`
	Residence  *eid.ResidenceCard   `cbor:"residence,omitempty"`
	Portraits  []eid.FaceSample     `cbor:"portraits"`
	Fingers    []eid.FingerSample   `cbor:"fingers"`
	Face       eid.FaceDecision     `cbor:"face"`
	FingerDecs []eid.FingerDecision `cbor:"finger_decisions"`
	Consent    eid.Consent          `cbor:"consent"`
	Attempts   map[string]int       `cbor:"attempts"` // per step: "chip", "face", "finger-2"
	Officer    string               `cbor:"officer"`
	ReceivedAt time.Time            `cbor:"received_at"`
	DueAt      eid.Date             `cbor:"due_at"`
	DueRule    string               `cbor:"due_rule"`   // "CLK-2"
	DecidedBy  string               `cbor:"decided_by"` // local_precheck
}
