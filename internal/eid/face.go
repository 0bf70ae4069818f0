package eid

import "time"

// FaceOutcome is what the comparison of live frames with a portrait leads to.
type FaceOutcome string

const (
	FaceMatch    FaceOutcome = "match"
	FaceReview   FaceOutcome = "review" // the officer looks at both pictures and decides
	FaceMismatch FaceOutcome = "mismatch"
)

// FaceReason is why a comparison ended as it did; the screen has its words.
type FaceReason string

const (
	FaceAlike        FaceReason = "alike"             // at the accept limit or better
	FaceUnsure       FaceReason = "unsure"            // between the two limits
	FaceUnlike       FaceReason = "unlike"            // not even at the review limit
	FaceFramesDiffer FaceReason = "frames_differ"     // the live frames are not of one person
	FaceNoLimit      FaceReason = "no_limit"          // the model was never calibrated for the wanted false match rate
	FacePilotModel   FaceReason = "pilot_model"       // alike, but this model may not decide at a production desk
	FaceUnfitModel   FaceReason = "model_not_decides" // alike, but this model never decides
)

// FaceDecision is the comparison of the mean of the live frames with the chip's
// portrait. For metric "euclidean" a score at or under the limits is alike, for
// "cosine" at or over them. It stays at the desk: a request carries [Decision].
type FaceDecision struct {
	Engine    string  `json:"engine" cbor:"engine"`
	Model     string  `json:"model" cbor:"model"`
	Metric    string  `json:"metric" cbor:"metric"`
	Score     float64 `json:"score" cbor:"score"`
	Threshold float64 `json:"threshold" cbor:"threshold"` // the accept limit; 0 without any
	Pass      bool    `json:"pass" cbor:"pass"`           // Outcome is match

	Outcome FaceOutcome `json:"outcome" cbor:"outcome"`
	Reason  FaceReason  `json:"reason" cbor:"reason"`
	// Review is the limit from which an officer decides; 0 without any.
	Review float64 `json:"review" cbor:"review"`
	// FMR is the false match rate of Threshold on CalibrationSet.
	FMR            float64 `json:"fmr" cbor:"fmr"`
	CalibrationSet string  `json:"calibration_set" cbor:"calibration_set"`
	Frames         int     `json:"frames" cbor:"frames"`     // averaged
	LeftOut        int     `json:"left_out" cbor:"left_out"` // frames that were not good enough
	// Warning is what is wrong with the models of this desk; empty for nothing.
	Warning Code `json:"warning,omitempty" cbor:"warning,omitempty"`
}

// AttestFace is an attestation that the person is the one of the chip's
// portrait, though the comparison did not say so.
const AttestFace = "face_review"

// Reasons for which a face may look unlike the portrait of its own card.
const (
	ReviewAge        = "age"        // the portrait is old
	ReviewAppearance = "appearance" // glasses, hair, beard, make-up, weight
	ReviewInjury     = "injury"     // injury, illness, surgery
	ReviewPortrait   = "portrait"   // the chip's portrait is poor
	ReviewLight      = "light"      // light and camera of the desk
	ReviewOther      = "other"      // in the officer's own words
)

// ReviewReasons are the reasons that an officer can choose from.
func ReviewReasons() []string {
	return []string{ReviewAge, ReviewAppearance, ReviewInjury, ReviewPortrait, ReviewLight, ReviewOther}
}

// Attestation is what the officer states of his own knowledge. The officer's
// signature of the request covers it.
type Attestation struct {
	Kind    string    `json:"kind" cbor:"kind"` // AttestFace
	Reason  string    `json:"reason" cbor:"reason"`
	Note    Private   `json:"note,omitempty" cbor:"note,omitempty"` // the officer's words
	Officer string    `json:"officer" cbor:"officer"`
	At      time.Time `json:"at" cbor:"at"`
}
