package eid

import "time"

// FingerPosition is the finger code of ISO/IEC 19794-2:2011 table 6:
// 1 right thumb … 5 right little, 6 left thumb … 10 left little.
type FingerPosition int

const (
	RightThumb FingerPosition = iota + 1
	RightIndex
	RightMiddle
	RightRing
	RightLittle
	LeftThumb
	LeftIndex
	LeftMiddle
	LeftRing
	LeftLittle
)

// Measure is a named quality component, 0 (worst) to 100 (best).
type Measure struct {
	Name  string `json:"name" cbor:"name"`
	Value int    `json:"value" cbor:"value"`
}

// FaceSample is one portrait frame as JPEG, for the screen too. Where the desk
// sends portraits as JPEG 2000 the same picture is there as that.
type FaceSample struct {
	JPEG     Blob      `json:"jpeg" cbor:"jpeg"`
	JPEG2000 Blob      `json:"-" cbor:"jpeg2000,omitempty"` // a JP2 file
	Width    int       `json:"width" cbor:"width"`
	Height   int       `json:"height" cbor:"height"`
	Quality  int       `json:"quality" cbor:"quality"` // 0..100
	Measures []Measure `json:"measures,omitempty" cbor:"measures,omitempty"`
	Profile  string    `json:"profile,omitempty" cbor:"profile,omitempty"` // of the capture: standard, glasses, …
	Device   string    `json:"device" cbor:"device"`
	Origin   Origin    `json:"origin" cbor:"origin"`
	Taken    time.Time `json:"taken" cbor:"taken"`
	// Presentation is what tells a person from a picture of one.
	Presentation *Presentation `json:"presentation,omitempty" cbor:"presentation,omitempty"`
}

// Sent is the picture that a request carries and that is compared.
func (s FaceSample) Sent() Blob {
	if len(s.JPEG2000) > 0 {
		return s.JPEG2000
	}
	return s.JPEG
}

// FingerSample is one gray fingerprint impression, row major, 0 black to 255
// white, with what a request carries of it: the same image as WSQ and its
// minutiae in a record of ISO/IEC 19794-2:2005.
type FingerSample struct {
	Position FingerPosition `json:"position" cbor:"position"`
	Pixels   Blob           `json:"pixels" cbor:"pixels"` // Width*Height bytes
	Width    int            `json:"width" cbor:"width"`
	Height   int            `json:"height" cbor:"height"`
	DPI      int            `json:"dpi" cbor:"dpi"`
	WSQ      Blob           `json:"-" cbor:"wsq,omitempty"`
	Minutiae Blob           `json:"-" cbor:"minutiae,omitempty"`
	// Template is what the desk's matcher made of the image, so that comparisons
	// need not extract it again. No request carries it.
	Template Blob          `json:"-" cbor:"template,omitempty"`
	Quality  int           `json:"quality" cbor:"quality"` // 0..100
	Device   string        `json:"device" cbor:"device"`
	Origin   Origin        `json:"origin" cbor:"origin"`
	Taken    time.Time     `json:"taken" cbor:"taken"`
	Waited   time.Duration `json:"waited" cbor:"-"` // until the person put the finger
}

// FingerDecision is a comparison of two impressions asked for as one finger.
type FingerDecision struct {
	Position  FingerPosition `json:"position" cbor:"position"`
	Engine    string         `json:"engine" cbor:"engine"`
	Quality   int            `json:"quality" cbor:"quality"` // the lower of the two
	Score     float64        `json:"score" cbor:"score"`
	Threshold float64        `json:"threshold" cbor:"threshold"`
	Pass      bool           `json:"pass" cbor:"pass"`
}

// Contacts of the person or of the guardian (requirements INF-1 to INF-3).
type Contacts struct {
	Phone Private `json:"phone,omitempty" cbor:"phone,omitempty"`
	Email Private `json:"email,omitempty" cbor:"email,omitempty"`
}

// Guardian acts for a minor or a ward (requirements ELG-2, ELG-4).
type Guardian struct {
	Name     Private `json:"name" cbor:"name"`
	Number   Private `json:"number" cbor:"number"`     // personal number or passport
	Relation string  `json:"relation" cbor:"relation"` // father, mother, guardian, representative
	Phone    Private `json:"phone" cbor:"phone"`
}

// ResidenceCard of a foreigner (requirements ELG-7).
type ResidenceCard struct {
	Type   string  `json:"type" cbor:"type"` // PRC, TRC
	Number Private `json:"number" cbor:"number"`
	Expiry Date    `json:"expiry" cbor:"expiry"`
}

// Consent as given at the desk (requirements CON-1).
type Consent struct {
	TextVersion string    `json:"text_version" cbor:"text_version"`
	Language    string    `json:"language" cbor:"language"` // vi, en
	Method      string    `json:"method" cbor:"method"`     // verbal_witness, signature_pad, wet_ink
	Given       time.Time `json:"given" cbor:"given"`
	// By is who gave it: subject, guardian. TextSHA256 names the words that were
	// read. Both are the desk's to fill.
	By         string `json:"by,omitempty" cbor:"by"`
	TextSHA256 []byte `json:"-" cbor:"text_sha256"`
	// Signature is the person's signature as a PNG image, where one was drawn.
	Signature Blob `json:"signature,omitempty" cbor:"signature,omitempty"`
}
