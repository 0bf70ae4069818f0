package eid

// AttestPresence is the officer's attestation that a living person, without
// mask, photograph or screen, sat before the camera.
const AttestPresence = "face_presence"

// LiveSignal is what the liveness models make of a portrait: one signal of
// presentation attack detection (ISO/IEC 30107-1 §6), never a proof. Nothing of
// it was tested to ISO/IEC 30107-3.
type LiveSignal string

const (
	LiveLikely   LiveSignal = "live"
	LiveUnsure   LiveSignal = "unsure"
	LiveUnlikely LiveSignal = "attack_like" // like a photograph, a screen or a mask
	LiveUnknown  LiveSignal = "not_measured"
)

// Presentation is what was looked at to tell a person from a picture of one.
type Presentation struct {
	Signal LiveSignal `json:"signal" cbor:"signal"`
	Models []string   `json:"models,omitempty" cbor:"models,omitempty"` // ids of the liveness models
	// Checks are the active checks that were asked for, in their order.
	Checks []PresentationCheck `json:"checks,omitempty" cbor:"checks,omitempty"`
	Blinks int                 `json:"blinks,omitempty" cbor:"blinks,omitempty"` // seen without being asked for
}

// PresentationCheck is one thing that the person was asked to do.
type PresentationCheck struct {
	Kind string `json:"kind" cbor:"kind"` // turn_left, turn_right, blink
	Done bool   `json:"done" cbor:"done"` // in time
}
