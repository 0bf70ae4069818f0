package eid

import "time"

// Origin says whether data came from a real device or from an emulated one
// behind a real transport. The seal binds it; a production centre refuses
// OriginEmulated.
type Origin string

const (
	OriginDevice   Origin = "device"
	OriginEmulated Origin = "emulated"
)

// ProcedureKind names what a visit is for.
type ProcedureKind string

const (
	CitizenLevel2   ProcedureKind = "citizen"
	ForeignerLevel2 ProcedureKind = "foreigner"
)

// DocumentKind as in requirements §4.
type DocumentKind string

const (
	DocumentCCCD     DocumentKind = "CCCD_2021"
	DocumentCC       DocumentKind = "CC_2024"
	DocumentPassport DocumentKind = "PASSPORT"
)

// CheckState is the outcome of one chip check: never a bare boolean, since
// "could not be done" is not "failed".
type CheckState string

const (
	CheckOK          CheckState = "ok"
	CheckFailed      CheckState = "failed"
	CheckNotPossible CheckState = "not_possible"
)

// Check is a chip check with its reason (English, no personal data). Word is the
// reason's stable name for translation, as the checking package lists them; a
// check that is ok may carry reservations, separated by spaces.
type Check struct {
	State  CheckState `json:"state" cbor:"state"`
	Word   string     `json:"word,omitempty" cbor:"word,omitempty"`
	Reason string     `json:"reason,omitempty" cbor:"reason,omitempty"`
}

// Date is a calendar day "YYYY-MM-DD"; unknown parts are "00"; "" is no date
// (for expiry: unlimited validity).
type Date string

// Holder is what a document says of its holder. Absent fields are empty.
type Holder struct {
	PersonalNumber Private `json:"personal_number,omitempty" cbor:"personal_number,omitempty"`
	DocumentNumber Private `json:"document_number" cbor:"document_number"`
	Name           Private `json:"name" cbor:"name"`         // NFC, as on the card where known
	NameMRZ        Private `json:"name_mrz" cbor:"name_mrz"` // "NGUYEN<<THI<ANH<TUYET"
	Birth          Date    `json:"birth" cbor:"birth"`
	Sex            string  `json:"sex" cbor:"sex"` // M, F, X
	Nationality    string  `json:"nationality" cbor:"nationality"`
	IssuingState   string  `json:"issuing_state" cbor:"issuing_state"`
	Issued         Date    `json:"issued,omitempty" cbor:"issued,omitempty"`
	Expiry         Date    `json:"expiry,omitempty" cbor:"expiry,omitempty"`
	Residence      Private `json:"residence,omitempty" cbor:"residence,omitempty"`
	PlaceOfOrigin  Private `json:"place_of_origin,omitempty" cbor:"place_of_origin,omitempty"`
	OldNumber      Private `json:"old_number,omitempty" cbor:"old_number,omitempty"`
}

// DataGroup is one file of the chip with the SHA-256 of its content as read.
type DataGroup struct {
	Number int    `json:"number" cbor:"number"`
	SHA256 []byte `json:"sha256" cbor:"sha256"`
	Bytes  int    `json:"bytes" cbor:"bytes"`
}

// ChipDocument is a chip document as read: content, checks and how it was read.
type ChipDocument struct {
	Kind         DocumentKind `json:"kind" cbor:"kind"`
	Holder       Holder       `json:"holder" cbor:"holder"`
	MRZ          []Private    `json:"mrz" cbor:"mrz"`
	Portrait     Blob         `json:"portrait,omitempty" cbor:"portrait,omitempty"`
	PortraitType string       `json:"portrait_type" cbor:"portrait_type"`           // image/jpeg, image/jp2
	Access       string       `json:"access" cbor:"access"`                         // "BAC", or PACE with mapping and password: "PACE-GM/MRZ", "PACE-IM/CAN", "PACE-CAM/MRZ"
	Attempts     []string     `json:"attempts,omitempty" cbor:"attempts,omitempty"` // access procedures tried, each with "ok" or why not and the tries left
	PA           Check        `json:"pa" cbor:"pa"`                                 // passive authentication, Doc 9303-11 §5.1
	CA           Check        `json:"ca" cbor:"ca"`                                 // chip authentication
	AA           Check        `json:"aa" cbor:"aa"`                                 // active authentication
	CardAccess   Check        `json:"card_access" cbor:"card_access"`               // EF.CardAccess against what the issuer signed
	DataGroups   []DataGroup  `json:"data_groups" cbor:"data_groups"`
	SODSHA256    []byte       `json:"sod_sha256" cbor:"sod_sha256"`
	Signer       string       `json:"signer" cbor:"signer"` // document signer's subject
	TrustSHA256  []byte       `json:"trust_sha256" cbor:"trust_sha256"`
	TrustTime    time.Time    `json:"trust_time" cbor:"trust_time"`
	// Fingerprints says whether DG3 was read, and why not.
	Fingerprints  Check        `json:"fingerprints" cbor:"fingerprints"`
	Signature     Blob         `json:"signature,omitempty" cbor:"signature,omitempty"` // image of DG7
	SignatureType string       `json:"signature_type,omitempty" cbor:"signature_type,omitempty"`
	Details       []Detail     `json:"details,omitempty" cbor:"details,omitempty"`
	Comparisons   []Comparison `json:"comparisons,omitempty" cbor:"comparisons,omitempty"`
	APDUs         int          `json:"apdus" cbor:"apdus"`
	LeastAPDUs    int          `json:"least_apdus" cbor:"least_apdus"` // the fewest that card and reader allow
	Bytes         int          `json:"bytes" cbor:"bytes"`             // response bytes received
	Reader        string       `json:"reader" cbor:"reader"`
	Origin        Origin       `json:"origin" cbor:"origin"`
}

// AccessKey opens a chip: the three fields of the machine readable zone, or its
// lines. For a Vietnamese card Number may be the 12-digit personal number; the
// reader takes its last nine digits (requirements §3.3).
type AccessKey struct {
	Number Private   `json:"number"`
	Birth  Date      `json:"birth"`
	Expiry Date      `json:"expiry"` // "" means the unlimited marker 991231
	MRZ    []Private `json:"mrz,omitempty"`
	CAN    Private   `json:"can,omitempty"`
	// QR is the scanned code of a Vietnamese card. It fills what is left out above
	// and is compared with the chip. So is Name, as the officer reads it.
	QR   Private `json:"qr,omitempty"`
	Name Private `json:"name,omitempty"`
}
