package eid

import "time"

// The types of this file are what a request carries beyond what a device gives:
// samples in interchange formats, and decisions without their scores.

// Capacity in which a person asks (requirements ELG-2, ELG-4).
type Capacity string

const (
	CapacityFull  Capacity = "full"
	CapacityMinor Capacity = "minor" // from 6 to under 14: with a guardian
	CapacityWard  Capacity = "ward"  // of any age, with a guardian or representative
)

// Subject is the person that a request is about, as its document says.
type Subject struct {
	Kind           ProcedureKind `cbor:"kind"` // citizen, foreigner
	Capacity       Capacity      `cbor:"capacity"`
	PersonalNumber Private       `cbor:"personal_number,omitempty"`
	Name           Private       `cbor:"name"` // NFC
	NameMRZ        Private       `cbor:"name_mrz"`
	Birth          Date          `cbor:"birth"`
	Sex            string        `cbor:"sex"`
	Nationality    string        `cbor:"nationality"`
	Address        Private       `cbor:"address_as_on_card,omitempty"`
}

// Residence cards are documents without a chip that is read.
const (
	DocumentPermanent DocumentKind = "PRC" // permanent residence card
	DocumentTemporary DocumentKind = "TRC" // temporary residence card
)

// Document is one document that was presented.
type Document struct {
	Type         DocumentKind `cbor:"type"`
	Number       Private      `cbor:"number"`
	IssuingState string       `cbor:"issuing_state"`
	Issued       Date         `cbor:"issued,omitempty"`
	Expiry       Date         `cbor:"expiry,omitempty"`
	// Chip is what was read and how it was checked; nil for a document without.
	Chip *ChipDocument `cbor:"chip,omitempty"`
	// TrustAge is how old the trust list was at the desk's receipt, in seconds;
	// 0 without a chip or a list.
	TrustAge int64 `cbor:"trust_age_s,omitempty"`
}

// PortraitRecord is one live portrait: a JPEG or JPEG 2000 image in a face record
// of ISO/IEC 19794-5:2005.
type PortraitRecord struct {
	Record   Blob      `cbor:"record"`
	Width    int       `cbor:"width"`
	Height   int       `cbor:"height"`
	Quality  int       `cbor:"quality"` // 0..100
	Measures []Measure `cbor:"measures,omitempty"`
	Profile  string    `cbor:"profile,omitempty"` // of the capture: standard, glasses, …
	Device   string    `cbor:"device"`
	Origin   Origin    `cbor:"origin"`
	Taken    time.Time `cbor:"taken"`
	// Presentation is what was looked at to tell a person from a picture of one.
	Presentation *Presentation `cbor:"presentation,omitempty"`
}

// FingerRecord is one impression of a finger: its image as WSQ and its minutiae
// as a finger minutiae record of ISO/IEC 19794-2:2005.
type FingerRecord struct {
	Position   FingerPosition `cbor:"position"`
	Impression int            `cbor:"impression"` // 1 for the first of its position
	WSQ        Blob           `cbor:"wsq"`
	Minutiae   Blob           `cbor:"minutiae"`
	Width      int            `cbor:"width"`
	Height     int            `cbor:"height"`
	DPI        int            `cbor:"dpi"`
	Quality    int            `cbor:"quality"` // 0..100
	Device     string         `cbor:"device"`
	Origin     Origin         `cbor:"origin"`
	Taken      time.Time      `cbor:"taken"`
}

// DecisionKind says what was compared with what.
type DecisionKind string

const (
	DecisionFace   DecisionKind = "face_chip"          // live frames with the chip's portrait
	DecisionFinger DecisionKind = "finger_impressions" // two impressions of one position
	// An impression with another position's: made for each, recorded where it
	// passed, which means one finger given twice and ends the attempt.
	DecisionFingerUnique DecisionKind = "finger_other_position"
)

// ScoreBucket is a score without its value: how far it lies from the threshold.
// The value would let whoever holds the request climb towards another's
// template, and an authentication result is nobody else's (requirements BIO-5).
type ScoreBucket string

const (
	BucketFarBelow ScoreBucket = "far_below" // worse than the threshold by over a quarter of it
	BucketBelow    ScoreBucket = "below"
	BucketBetween  ScoreBucket = "between" // of a face: an officer had to decide
	BucketAbove    ScoreBucket = "above"   // at the threshold or better
	BucketFarAbove ScoreBucket = "far_above"
)

// Decision is one comparison made at the desk, passed or not. The desk's
// decisions are pre-checks: see Request.DecidedBy.
type Decision struct {
	Kind      DecisionKind   `cbor:"kind"`
	Position  FingerPosition `cbor:"position,omitempty"`
	Attempt   int            `cbor:"attempt"` // from 1
	Engine    string         `cbor:"engine"`
	Model     string         `cbor:"model"`
	Metric    string         `cbor:"metric"` // euclidean (less is alike), cosine, similarity (more is alike)
	Threshold float64        `cbor:"threshold"`
	Bucket    ScoreBucket    `cbor:"score_bucket"`
	Pass      bool           `cbor:"pass"`

	// Of a face: how it ended and why, from which limit on an officer decides, and
	// on which calibration set Threshold gave the false match rate FMR.
	Outcome        FaceOutcome `cbor:"outcome,omitempty"`
	Reason         FaceReason  `cbor:"reason,omitempty"`
	Review         float64     `cbor:"review_threshold,omitempty"`
	FMR            float64     `cbor:"fmr,omitempty"`
	CalibrationSet string      `cbor:"calibration_set,omitempty"`
	Frames         int         `cbor:"frames,omitempty"`
}

// ExceptionFinger is a finger that the person cannot give.
const ExceptionFinger = "finger_missing"

// Exception is something that the procedure asks for and that was not taken,
// with who allowed it.
type Exception struct {
	Kind       string         `cbor:"kind"` // ExceptionFinger
	Position   FingerPosition `cbor:"position,omitempty"`
	Reason     string         `cbor:"reason"` // amputated, bandaged, worn
	Supervisor string         `cbor:"supervisor"`
	At         time.Time      `cbor:"at"`
	// Approval is the supervisor's own signature over all of this (package
	// internal/approval); empty only in what older software wrote.
	Approval Blob `cbor:"approval,omitempty"`
}

// Device is one device that served the visit.
type Device struct {
	Kind     string `cbor:"kind"` // reader, camera, scanner
	Name     string `cbor:"name"`
	Serial   string `cbor:"serial,omitempty"`
	Firmware string `cbor:"firmware,omitempty"`
	Profile  string `cbor:"profile,omitempty"`
	Origin   Origin `cbor:"origin"`
}

// Digest names exactly one program, model, profile, rule set or text in use.
type Digest struct {
	Kind   string `cbor:"kind"` // program, model, calibration, profile, rules
	Name   string `cbor:"name"`
	SHA256 []byte `cbor:"sha256"`
}
