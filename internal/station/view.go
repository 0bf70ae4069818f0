package station

import "github.com/enrold/enrold/internal/eid"

// Step is where a visit stands. The order is the order on the screen.
type Step string

const (
	StepDocument Step = "document" // waiting for the chip to be read
	StepFace     Step = "face"     // waiting for the portrait
	StepFinger   Step = "finger"   // waiting for fingers
	StepConsent  Step = "consent"  // contacts and consent
	StepSend     Step = "send"     // ready to sign, seal, queue
	StepDone     Step = "done"     // queued; the queue shows what follows
	StepRefused  Step = "refused"  // ended by a failed check, nothing queued
	StepAbandon  Step = "abandoned"
)

// View is everything the officer's screen shows of the open visit. It is sent
// to the browser on this machine and to nobody else.
type View struct {
	ID        string            `json:"id"` // also the request's id
	Procedure eid.ProcedureKind `json:"procedure"`
	RuleSet   string            `json:"rule_set"`
	Step      Step              `json:"step"`
	Busy      string            `json:"busy,omitempty"` // operation running: chip, face, finger, send
	Resumed   bool              `json:"resumed,omitempty"`

	Document *eid.ChipDocument `json:"document,omitempty"` // portrait as base64
	Warnings []eid.Failure     `json:"warnings,omitempty"`

	Portrait *eid.FaceSample   `json:"portrait,omitempty"` // best live frame
	Face     *eid.FaceDecision `json:"face,omitempty"`
	// FaceAttested is the officer's word where the comparison left it to him.
	FaceAttested *eid.Attestation `json:"face_attested,omitempty"`
	// Presence is his word that a living person sat before the camera.
	Presence *eid.Attestation `json:"presence,omitempty"`

	Fingers []FingerView `json:"fingers"` // one per position that the rule set asks for
	// FingerExceptions are the reasons for which a position may be left out.
	FingerExceptions []string `json:"finger_exceptions,omitempty"`

	Contacts  eid.Contacts       `json:"contacts"`
	Guardian  *eid.Guardian      `json:"guardian,omitempty"`
	Residence *eid.ResidenceCard `json:"residence,omitempty"`
	Consent   *eid.Consent       `json:"consent,omitempty"`

	NeedsGuardian  bool `json:"needs_guardian"`
	NeedsResidence bool `json:"needs_residence"`

	Error   *eid.Failure `json:"error,omitempty"`   // last failure of this step; the visit goes on
	Refusal *eid.Failure `json:"refusal,omitempty"` // why the visit ended
	Queued  *Queued      `json:"queued,omitempty"`
	DueAt   eid.Date     `json:"due_at,omitempty"`
	DueRule string       `json:"due_rule,omitempty"`

	AttemptsLeft map[string]int   `json:"attempts_left"`
	TimingsMS    map[string]int64 `json:"timings_ms"` // chip, face, finger, sign_seal_queue
}

// FingerView is one finger position on the screen. ImagePNG is the last
// impression, for the officer to look at.
type FingerView struct {
	Position    eid.FingerPosition  `json:"position"`
	Impressions int                 `json:"impressions"` // taken so far
	Wanted      int                 `json:"wanted"`
	ImagePNG    eid.Blob            `json:"image_png,omitempty"`
	Quality     int                 `json:"quality"`
	Decision    *eid.FingerDecision `json:"decision,omitempty"`
	Exception   string              `json:"exception,omitempty"` // why this position is not taken
}

// Event is pushed to the screen (server-sent events, one JSON object each).
type Event struct {
	Kind     string             `json:"kind"` // visit, progress, prompt, queue, devices
	Visit    *View              `json:"visit,omitempty"`
	Step     string             `json:"step,omitempty"`     // progress, prompt: chip, face, finger
	Share    float64            `json:"share,omitempty"`    // progress: 0..1
	Text     string             `json:"text,omitempty"`     // progress: "DG2"; prompt: place, lift, closer, …
	Position eid.FingerPosition `json:"position,omitempty"` // prompt for a finger
	Nth      int                `json:"nth,omitempty"`      // prompt: impression 1 or 2
}
